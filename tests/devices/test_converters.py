"""Converters against codes computed one by one in plain Python, and ranges."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wordline as wl

NAN = torch.tensor(math.nan)


def _by_hand(u: float, bits: int, signed: bool) -> float:
    steps = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    code = math.floor(u * steps + 0.5)
    return min(max(code, -steps if signed else 0), steps) / steps


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=20), st.integers(2, 12), st.booleans())
def test_codes_are_those_worked_out_by_hand(values: list[float], bits: int, signed: bool) -> None:
    made = wl.UniformConverter(bits=bits, signed=signed).convert(
        torch.tensor(values, dtype=torch.float64)
    )
    expected = torch.tensor([_by_hand(u, bits, signed) for u in values], dtype=torch.float64)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-12)


@given(st.floats(-1, 1), st.integers(2, 16))
def test_inside_the_range_the_error_is_at_most_half_a_step_and_a_code_stays_itself(
    u: float, bits: int
) -> None:
    converter = wl.UniformConverter(bits=bits)
    made = converter.convert(torch.tensor([u], dtype=torch.float64))
    assert abs(float(made) - u) <= 0.5 / converter.steps + 1e-12
    assert torch.equal(converter.convert(made), made)


def test_straight_through_passes_derivatives_inside_and_none_stops_them_all() -> None:
    u = torch.tensor([-1.5, -0.4, 0.0, 0.7, 1.01, 2.0], dtype=torch.float64, requires_grad=True)
    through = wl.UniformConverter(bits=4)
    (grad,) = torch.autograd.grad(through.convert(u).sum(), u)
    assert grad.tolist() == [0, 1, 1, 1, 1, 0]  # 1.01 rounds to the last code: not saturated
    (grad,) = torch.autograd.grad(dataclasses.replace(through, gradient="none").convert(u).sum(), u)
    assert grad.tolist() == [0] * 6
    assert torch.equal(through.convert(u), through.convert(u.detach()))


def test_the_range_ends_half_a_step_beyond_the_last_code() -> None:
    edge = torch.tensor([1 + 0.5 / 7 - 1e-9, 1 + 0.5 / 7], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(wl.UniformConverter(bits=4).convert(edge).sum(), edge)
    assert grad.tolist() == [1, 0]


def test_an_unsigned_converter_has_no_negative_codes_and_twice_the_others() -> None:
    u = torch.tensor([-0.3, 0.1], dtype=torch.float64)
    assert wl.UniformConverter(bits=3, signed=False).convert(u).mul(7).tolist() == [0, 1]


def test_the_largest_of_each_sample_is_full_scale_and_a_sample_of_zeros_has_one() -> None:
    x = torch.tensor([[[1.0, -2.0]], [[0.0, 0.0]], [[0.5, 0.25]]], requires_grad=True)
    limit = wl.SampleMax().of_inputs(x, NAN)
    assert limit.shape == (3, 1, 1)
    assert limit.flatten().tolist() == [2.0, 1.0, 0.5]
    assert not limit.requires_grad
    assert wl.SampleMax().of_inputs(torch.tensor([3.0, -4.0]), NAN).tolist() == [4.0]


def test_output_ranges_in_the_units_of_answers() -> None:
    assert wl.FullScale(0.25).of_outputs(64.0, 0.0, 1e6, NAN) == 16
    assert (
        wl.FullScale().of_outputs(64.0, 72.8, 1e6, NAN) == 72.8
    )  # no finer than the smallest product
    assert wl.FixedRange(2e-6).of_outputs(64.0, 0.0, 1e6, NAN) == 2
    assert wl.Calibrated().of_outputs(64.0, 0.0, 1e6, torch.tensor(3.0)) == 3


@pytest.mark.parametrize(
    ("percent", "expected"), [(100.0, 9.0), (75.0, 3.0), (50.0, 2.0), (1.0, 1.0)]
)
def test_a_calibrated_range_is_a_percentile_of_magnitudes(percent: float, expected: float) -> None:
    assert wl.Calibrated(percent).measure(torch.tensor([1.0, -2.0, 3.0, -9.0])) == expected


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: wl.UniformConverter(bits=1), ValueError, "`bits` must be at least 2, got 1"),
        (
            lambda: wl.UniformConverter(bits=0, signed=False),
            ValueError,
            "`bits` must be at least 1, got 0",
        ),
        (lambda: wl.UniformConverter(bits=8.5), TypeError, "`bits` must be a whole number"),
        (lambda: wl.UniformConverter(bits=25), ValueError, "`bits` must be at most 24, got 25"),
        (lambda: wl.UniformConverter(8, gradient="ste"), ValueError, "`gradient` must be one of"),
        (lambda: wl.UniformConverter(8, range=3.0), TypeError, "`range` must be AbstractRange"),
        (lambda: wl.FixedRange(0.0), ValueError, "`limit` must be greater than 0"),
        (lambda: wl.FullScale(-1.0), ValueError, "`share` must be greater than 0"),
        (lambda: wl.Calibrated(0.0), ValueError, "`percent` must be greater than 0"),
        (lambda: wl.Calibrated(101.0), ValueError, "`percent` must be at most 100"),
        (
            lambda: wl.Calibrated().of_inputs(torch.ones(1), NAN),
            ValueError,
            "`dac` has a range that is not calibrated",
        ),
        (
            lambda: wl.Calibrated().of_outputs(1.0, 0.0, 1.0, NAN),
            ValueError,
            "`adc` has a range that is not calib",
        ),
    ],
)
def test_impossible_converters_are_refused(make, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make()


CALIBRATED = wl.UniformConverter(8, range=wl.Calibrated(99.9), gradient="none")


@pytest.mark.parametrize("value", [CALIBRATED, wl.IdealConverter()])
def test_json_round_trip(value: wl.AbstractConverter) -> None:
    assert wl.AbstractConverter.from_json(value.to_json()) == value
