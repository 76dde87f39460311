"""Slices and streams against integers cut with Python's own shifts."""

import dataclasses
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wordline as wl
from wordline.mapping import program

bits = st.integers(2, 12)
digits = st.integers(1, 5)


def _cut(code: int, digit: int, count: int) -> list[int]:
    return [(code >> (digit * k)) & (2**digit - 1) for k in range(count)]


@given(bits, digits, st.data())
def test_digits_of_a_weight_are_those_of_its_code(
    width: int, digit: int, data: st.DataObject
) -> None:
    sliced = wl.BitSlicing(width, digit, 8, 4)
    magnitude = width - 1
    code = data.draw(st.integers(0, 2**magnitude - 1))
    share = torch.tensor([[code / (2**magnitude - 1)]], dtype=torch.float64)
    cut = sliced.slice_digits(share, 1)
    count = -(-magnitude // digit)
    assert cut.shape == (count, 1)
    assert cut.mul(2**digit - 1).flatten().tolist() == pytest.approx(_cut(code, digit, count))
    torch.testing.assert_close(sliced.combine_digits(cut, 1), share, rtol=1e-12, atol=1e-12)


@given(st.integers(2, 12), digits, st.lists(st.floats(-1, 1), min_size=1, max_size=9))
def test_streams_are_digits_of_the_magnitude_and_add_up_to_the_rounded_input(
    width: int, digit: int, values: list[float]
) -> None:
    sliced = wl.BitSlicing(8, 4, width, digit)
    u = torch.tensor(values, dtype=torch.float64)
    levels = 2 ** (width - 1) - 1
    reads = list(sliced.streams(u))
    for _, share in reads:
        assert float(share.min()) >= 0
        assert float(share.max()) <= 1
        codes = share * (2**digit - 1)
        torch.testing.assert_close(codes, codes.round())
    expected = torch.sign(u) * (u.abs() * levels + 0.5).floor() / levels
    torch.testing.assert_close(sum(s * share for s, share in reads), expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(sliced.round_inputs(u), expected, rtol=0, atol=1e-9)
    assert len(reads) == -(-(width - 1) // digit) * (2 if any(v < 0 for v in values) else 1)


def test_gradients_follow_the_number_that_was_cut() -> None:
    sliced = wl.BitSlicing(8, 2, 8, 3)
    u = torch.tensor([-0.5, 0.0, 0.3], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(sliced.round_inputs(u).sum(), u)
    torch.testing.assert_close(grad, torch.ones(3, dtype=torch.float64))
    shares = torch.tensor([[0.2, 0.9]], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(
        sliced.combine_digits(sliced.slice_digits(shares, 1), 1).sum(), shares
    )
    torch.testing.assert_close(grad, torch.ones(1, 2, dtype=torch.float64))


def test_the_accumulator_drops_bits_and_saturates() -> None:
    step = 1 / (7 * 7)  # two 4-bit numbers
    y = torch.tensor([5.0, -5.0, 3.0, 100.0, -100.0], dtype=torch.float64) * step
    sliced = wl.BitSlicing(4, 2, 4, 2, accumulator_bits=5, accumulator_drops=1)
    kept = [4, -4, 2, 30, -30]  # halves toward zero, times two; at most 2^4 - 1 = 15 of them
    assert sliced.accumulate(y).div(step).tolist() == pytest.approx(kept)
    assert torch.equal(
        dataclasses.replace(sliced, accumulator_bits=0, accumulator_drops=0).accumulate(y), y
    )


@given(
    st.lists(st.integers(-(2**10), 2**10), min_size=1, max_size=80),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
def test_the_accumulator_keeps_the_same_whole_number_in_any_order(
    terms: list[int], drops: int, random: Random
) -> None:
    sliced = wl.BitSlicing(8, 2, 8, 4, accumulator_bits=24, accumulator_drops=drops)
    products, whole = (2**7 - 1) ** 2, sum(terms)
    kept = (abs(whole) >> drops << drops) * (1 if whole >= 0 else -1)
    for _ in range(2):
        random.shuffle(terms)
        total = torch.zeros((), dtype=torch.float32)
        for term in terms:
            total += torch.tensor(term / products, dtype=torch.float32)
        # Each addition and each term rounds by 2^-24 of at most the sum of magnitudes.
        assert 2.0**-24 * (len(terms) + 1) * sum(map(abs, terms)) < 0.5
        found = sliced.accumulate(total).double().item() * products
        assert found == pytest.approx(kept, rel=1e-6, abs=1e-6)


def test_the_accumulator_passes_derivatives_unless_saturated() -> None:
    y = torch.tensor([0.01, 5.0], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(
        wl.BitSlicing(4, 2, 4, 2, accumulator_bits=5).accumulate(y).sum(), y
    )
    assert grad.tolist() == [1, 0]


@pytest.mark.parametrize(
    "encoding", [wl.DifferentialPair(), wl.DifferentialPair(two_sided=True), wl.OffsetColumn()]
)
@pytest.mark.parametrize(("width", "digit"), [(8, 2), (5, 3), (4, 4), (9, 4)])
def test_programmed_slices_are_the_fixed_point_weights(
    encoding: wl.DifferentialPair, width: int, digit: int
) -> None:
    matrix = torch.randn(
        1, 7, 5, generator=torch.Generator().manual_seed(width), dtype=torch.float64
    )
    ideal = wl.Crossbar.preset("ideal")
    crossbar = dataclasses.replace(
        ideal, tile=(4, 4), encoding=encoding, slicing=wl.BitSlicing(width, digit, 8, 4)
    )
    made = program(matrix, crossbar, generator=torch.Generator())
    levels = 2 ** (width - 1) - 1
    scale = float(matrix.abs().max())
    codes = [
        int(torch.floor(abs(w) / scale * levels + 0.5)) * (1 if w >= 0 else -1)
        for w in matrix.flatten()
    ]
    if encoding.sign_bits:
        expected = torch.tensor(codes, dtype=torch.float64).view_as(matrix) / levels * scale
        torch.testing.assert_close(made.weight, expected, rtol=1e-9, atol=1e-12)
    else:  # one device for both signs: halves round up, whatever the sign
        assert float((made.weight - matrix).abs().max()) <= 0.5 * scale / levels + 1e-9
    slices = -(-(width - encoding.sign_bits) // digit)
    arrays = 1 if isinstance(encoding, wl.OffsetColumn) else 2
    assert made.conductances.shape[0] == slices * arrays
    steps = (made.conductances * 2e5 - 1) / 9 * (2**digit - 1)  # every cell on one of its levels
    torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ((1, 1, 8, 4), ValueError, "`weight_bits` must be at least 2"),
        ((8, 0, 8, 4), ValueError, "`cell_bits` must be at least 1"),
        ((8, 13, 8, 4), ValueError, "`cell_bits` must be at most 12"),
        ((8, 2, 25, 4), ValueError, "`input_bits` must be at most 24"),
        ((8, 2, 8, 1.5), TypeError, "`stream_bits` must be a whole number"),
        ((8, 2, 8, 1, -1), ValueError, "`accumulator_bits` must be at least 0"),
        ((8, 2, 8, 1, 0, -1), ValueError, "`accumulator_drops` must be at least 0"),
    ],
)
def test_impossible_slicings_are_refused(
    fields: tuple[int, ...], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        wl.BitSlicing(*fields)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"dac": 8}, TypeError, "`dac` must be AbstractConverter"),
        ({"adc": 8}, TypeError, "`adc` must be AbstractConverter"),
        (
            {"dac": wl.UniformConverter(8, range=wl.FullScale())},
            TypeError,
            "`dac range` must be AbstractInputRange",
        ),
        (
            {"adc": wl.UniformConverter(8, range=wl.SampleMax())},
            TypeError,
            "`adc range` must be AbstractOutputRange",
        ),
        (
            {"dac": wl.UniformConverter(8, less_off_current=True)},
            ValueError,
            "`dac` has no off current to remove",
        ),
        ({"slicing": 8}, TypeError, "`slicing` must be AbstractSlicing"),
        ({"array": "ideal"}, TypeError, "`array` must be AbstractArray"),
        ({"read_volt": 0.0}, ValueError, "`read_volt` must be greater than 0"),
        (
            {"encoding": wl.OffsetColumn(), "tile": (4, 1)},
            ValueError,
            "`tile cols` must be at least 2",
        ),
        (
            {"slicing": wl.BitSlicing(8, 2, 8, 2), "dac": wl.UniformConverter(6)},
            ValueError,
            "`dac` has 6 signed bits where `slicing` has input_bits=8",
        ),
    ],
)
def test_impossible_crossbars_are_refused(
    change: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        dataclasses.replace(wl.Crossbar.preset("ideal"), **change)


@pytest.mark.parametrize("name", ["puma-32x32-100k", "puma-64x64-300k", "isaac-like"])
def test_presets_round_trip_through_json(name: str) -> None:
    crossbar = wl.Crossbar.preset(name)
    assert wl.Crossbar.from_json(crossbar.to_json()) == crossbar


def test_fixed_scale_clips_and_keeps_the_format() -> None:
    assert wl.FixedScale.point(bits=8, fraction_bits=4).largest_weight == 127 / 16
    matrix = torch.tensor([[[9.0, 0.5]]], dtype=torch.float64)
    scale = wl.FixedScale.point(bits=8, fraction_bits=4)
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("ideal"), scale=scale, slicing=wl.BitSlicing(8, 4, 8, 4)
    )
    made = program(matrix, crossbar, generator=torch.Generator())
    torch.testing.assert_close(
        made.weight.flatten(), torch.tensor([127 / 16, 0.5], dtype=torch.float64)
    )
    with pytest.raises(ValueError, match="`largest_weight` must be greater than 0"):
        wl.FixedScale(0.0)


@pytest.mark.parametrize("name", ["puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k"])
def test_a_puma_preset_reads_by_a_surrogate_of_its_own_arrays(name: str) -> None:
    crossbar = wl.Crossbar.preset(name)
    assert isinstance(crossbar.array, wl.SurrogateArray)
    design = crossbar.array.design
    assert (design.tile, design.wires, design.volts) == (
        crossbar.tile,
        crossbar.wires,
        crossbar.read_volt,
    )
    assert design.g_on_siemens == pytest.approx(crossbar.device.g_on_siemens)
    assert design.g_off_siemens == pytest.approx(crossbar.device.g_off_siemens)
    assert design.law == wl.SinhDevice(b=4.0)
