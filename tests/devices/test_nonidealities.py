"""Every non-ideality: physical numbers, one seed one chip, identity without spread, gradients."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import wordline as wl
from wordline.devices.draws import draw_normal, draw_uniform
from wordline.values import Value

DEVICE = wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3)
ALL = [
    wl.GaussianVariation(0.3),
    wl.LogNormalVariation(0.3),
    wl.StateDependentVariation(0.3),
    wl.StuckDevices(on=0.2, off=0.3, open=0.1),
    wl.RetentionDrift(time_s=3600.0, t0_s=20.0, nu_mean=0.05, nu_sigma=0.05),
    wl.ReadNoise(0.3),
    wl.ReadNoise(0.3, frozen=True),
    wl.WriteVerify(wl.GaussianVariation(0.3), tolerance=0.05, attempts=3),
]
WITHOUT_SPREAD = [
    wl.GaussianVariation(0.0),
    wl.LogNormalVariation(0.0),
    wl.StateDependentVariation(0.0),
    wl.StuckDevices(),
    wl.RetentionDrift(time_s=20.0, t0_s=20.0, nu_mean=0.1, nu_sigma=0.1),
    wl.RetentionDrift(time_s=1e9, t0_s=1.0, nu_mean=0.0, nu_sigma=0.0),
    wl.ReadNoise(0.0),
    wl.WriteVerify(wl.LogNormalVariation(0.0), tolerance=0.0, attempts=2),
]

every_one = pytest.mark.parametrize("nonideality", ALL, ids=lambda n: type(n).__name__)
sizes = st.lists(st.integers(0, 5), min_size=0, max_size=4).map(tuple)
dtypes = st.sampled_from([torch.float32, torch.float64])
sigmas = st.floats(0, 5)
probabilities = st.floats(0, 1 / 3)
variations = (
    st.builds(wl.GaussianVariation, sigmas)
    | st.builds(wl.LogNormalVariation, sigmas)
    | st.builds(wl.StateDependentVariation, sigmas)
)
nonidealities = (
    variations
    | st.builds(wl.StuckDevices, probabilities, probabilities, probabilities)
    | st.builds(
        wl.RetentionDrift,
        st.floats(1, 1e12),
        st.floats(1e-12, 1),
        st.floats(0, 10),
        st.floats(0, 10),
    )
    | st.builds(wl.ReadNoise, sigmas, st.booleans())
    | st.builds(wl.WriteVerify, variations, st.floats(0, 1), st.integers(1, 4))
)
devices = st.builds(
    lambda on, ratio: wl.Memristor(on, on * ratio),
    st.floats(1, 1e8),
    st.floats(1.01, 1e6) | st.just(math.inf),
)


def _stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _asked(device: wl.Memristor, size: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    """Conductances all over the window, both ends among them."""
    share = torch.rand(size, generator=_stream(seed), dtype=dtype)
    return device.conductance((share * 1.5 - 0.25).clamp(0, 1))


@given(nonidealities, devices, sizes, dtypes, st.integers(0, 1000))
def test_conductances_stay_physical_and_a_seed_is_a_chip(
    nonideality: wl.AbstractNonideality,
    device: wl.Memristor,
    size: tuple[int, ...],
    dtype: torch.dtype,
    seed: int,
) -> None:
    g = _asked(device, size, dtype, seed)
    before = g.clone()
    there = nonideality.apply(g, device, generator=_stream(seed))
    assert there.shape == g.shape
    assert there.dtype == dtype
    assert bool(there.isfinite().all())
    assert bool((there >= 0).all())
    assert torch.equal(g, before)
    assert torch.equal(there, nonideality.apply(g, device, generator=_stream(seed)))


@given(st.sampled_from(WITHOUT_SPREAD), devices, sizes, dtypes, st.integers(0, 1000))
def test_without_spread_nothing_changes_in_any_bit(
    nonideality: wl.AbstractNonideality,
    device: wl.Memristor,
    size: tuple[int, ...],
    dtype: torch.dtype,
    seed: int,
) -> None:
    # outside the window too: an open device, and what earlier entries of a crossbar may have left
    for g in (
        _asked(device, size, dtype, seed),
        3 * torch.rand(size, generator=_stream(seed), dtype=dtype),
    ):
        assert torch.equal(nonideality.apply(g, device, generator=_stream()), g)


@every_one
def test_a_chip_is_the_same_in_both_precisions(nonideality: wl.AbstractNonideality) -> None:
    g = DEVICE.conductance(torch.linspace(0.01, 0.99, 1000, dtype=torch.float64))
    double = nonideality.apply(g, DEVICE, generator=_stream(3))
    single = nonideality.apply(g.float(), DEVICE, generator=_stream(3))
    torch.testing.assert_close(double.float(), single, rtol=1e-5, atol=0)


@every_one
def test_devices_differ_from_each_other_and_from_seed_to_seed(
    nonideality: wl.AbstractNonideality,
) -> None:
    g = torch.full((20, 20), 2e-5)
    chips = [nonideality.apply(g, DEVICE, generator=_stream(seed)) for seed in (0, 1)]
    assert not torch.equal(chips[0], chips[1])
    assert len(chips[0].unique()) > 3 or isinstance(nonideality, wl.StuckDevices)


@every_one
def test_the_global_generator_is_left_alone(
    nonideality: wl.AbstractNonideality, no_global_draws: None
) -> None:
    nonideality.apply(torch.full((4, 4), 2e-5), DEVICE, generator=_stream())


@every_one
def test_the_gradient_is_that_of_finite_differences(nonideality: wl.AbstractNonideality) -> None:
    device = wl.Memristor(r_on_ohm=1.0, r_off_ohm=10.0)
    g = device.conductance(torch.linspace(0.1, 0.9, 12, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: nonideality.apply(x, device, generator=_stream(1)), g, eps=1e-7
    )


@every_one
def test_gradients_are_finite_at_the_ends_of_the_window(
    nonideality: wl.AbstractNonideality,
) -> None:
    for dtype in (torch.float32, torch.float64):
        g = DEVICE.conductance(torch.tensor([0.0, 1.0], dtype=dtype).repeat(50)).requires_grad_()
        (gradient,) = torch.autograd.grad(
            nonideality.apply(g, DEVICE, generator=_stream()).sum(), g
        )
        assert bool(gradient.isfinite().all())


@every_one
def test_json_round_trip_inside_a_crossbar(nonideality: wl.AbstractNonideality) -> None:
    assert type(nonideality).from_json(nonideality.to_json()) == nonideality
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("rethinking-16"), nonidealities=(nonideality,)
    )
    again = wl.Crossbar.from_json(crossbar.to_json())
    assert again == crossbar
    assert hash(again) == hash(crossbar)


@every_one
def test_only_read_noise_that_is_not_frozen_is_drawn_at_each_read(
    nonideality: wl.AbstractNonideality,
) -> None:
    noise = isinstance(nonideality, wl.ReadNoise)
    later = "retention" if isinstance(nonideality, wl.RetentionDrift) else "programming"
    assert nonideality.stage == ("read" if noise else later)
    assert nonideality.per_read == (noise and not getattr(nonideality, "frozen", True))


def test_draws_do_not_depend_on_precision_or_on_what_they_are_for() -> None:
    like = torch.zeros(7, 5)
    for draw in (draw_normal, draw_uniform):
        single, double = draw(like, _stream()), draw(like.double() + 3, _stream())
        assert single.dtype == torch.float32
        assert double.dtype == torch.float64
        assert single.shape == double.shape == like.shape
        assert torch.equal(single.double(), double)


def test_uniform_draws_are_uniform() -> None:
    numbers = draw_uniform(torch.zeros(100_000), _stream()).double()
    assert 0 <= float(numbers.min()) < 1e-4
    assert 1 - 1e-4 < float(numbers.max()) < 1
    for power in (1, 2, 3):  # moments 1 / (power + 1); 4 standard errors
        assert abs(float((numbers**power).mean()) - 1 / (power + 1)) < 4 * 0.3 / 100_000**0.5


def test_a_users_own_nonideality_acts_at_programming() -> None:
    @dataclasses.dataclass(frozen=True)
    class Halving(wl.AbstractNonideality):
        def apply(self, g, device, *, generator):
            return g / 2

    assert not Halving().per_read
    assert isinstance(Halving(), Value)


@pytest.mark.parametrize("fault", [DEVICE.g_on_siemens, DEVICE.g_off_siemens, 0.0])
def test_order_is_physics(fault: float) -> None:
    """Variation, then faults: stuck devices are exactly stuck. The other way round they move."""
    stuck = wl.StuckDevices(
        *(0.3 * (fault == value) for value in (DEVICE.g_on_siemens, DEVICE.g_off_siemens, 0.0))
    )
    g = torch.full((100, 100), 2e-5, dtype=torch.float64)

    def exactly_stuck(*entries: wl.AbstractNonideality) -> float:
        there, stream = g, _stream()
        for entry in entries:
            there = entry.apply(there, DEVICE, generator=stream)
        return float((there == fault).double().mean())

    assert exactly_stuck(wl.GaussianVariation(0.1), stuck) == pytest.approx(0.3, abs=0.02)
    # an open device stays open whatever multiplies it: nothing times a factor is nothing
    assert exactly_stuck(stuck, wl.GaussianVariation(0.1)) == (
        0.0 if fault else pytest.approx(0.3, abs=0.02)
    )
