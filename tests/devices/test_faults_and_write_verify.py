"""Stuck devices and write-verify: shares from closed forms."""

import dataclasses
import math

import pytest
import torch
from scipy import stats
from torch import Tensor

import wordline as wl

DEVICE = wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3)
ON, OFF, WINDOW = 50e-6, 5e-6, 45e-6
COUNT = 160_000


def _stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _near(share: Tensor, expected: float) -> None:
    """Within four standard errors of a binomial share."""
    assert float(share.double().mean()) == pytest.approx(
        expected, abs=4 * math.sqrt(expected * (1 - expected) / share.numel()) + 1e-12
    )


@pytest.mark.parametrize(
    ("on", "off", "opened"), [(0.02, 0.1, 0.005), (0.5, 0.25, 0.25), (0.0, 0.0, 0.3)]
)
def test_faults_are_as_frequent_as_they_say(on: float, off: float, opened: float) -> None:
    asked = torch.full((COUNT,), 2e-5, dtype=torch.float64)
    there = wl.StuckDevices(on, off, opened).apply(asked, DEVICE, generator=_stream())
    _near(there == ON, on)
    _near(there == OFF, off)
    _near(there == 0, opened)
    _near(there == 2e-5, 1 - on - off - opened)


def test_faults_hit_devices_independently() -> None:
    there = wl.StuckDevices(on=0.3).apply(
        torch.full((COUNT,), 2e-5, dtype=torch.float64), DEVICE, generator=_stream()
    )
    hit = (there == ON).double() - 0.3
    for distance in (1, 2, 64):
        correlation = float((hit[:-distance] * hit[distance:]).mean()) / (0.3 * 0.7)
        assert abs(correlation) < 4 / COUNT**0.5


def test_a_stuck_device_passes_no_gradient_and_the_others_all_of_it() -> None:
    g = torch.full((1000,), 2e-5).requires_grad_()
    there = wl.StuckDevices(0.2, 0.2, 0.2).apply(g, DEVICE, generator=_stream())
    (gradient,) = torch.autograd.grad(there.sum(), g)
    assert torch.equal(gradient, (there == g).float())
    assert 0 < float(gradient.mean()) < 1


def test_a_chip_of_open_devices_carries_no_current() -> None:
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("rethinking-16"), nonidealities=(wl.StuckDevices(open=1.0),)
    )
    chip = wl.map_model(torch.nn.Linear(20, 3, bias=False).eval(), crossbar)
    assert torch.equal(chip(torch.ones(2, 20)), torch.zeros(2, 3))


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_what_write_verify_leaves_outside_is_p_to_the_attempts(attempts: int) -> None:
    g, sigma, tolerance = 3e-5, 0.1, 0.04
    p = 2 * stats.norm.sf(tolerance * WINDOW / (g * sigma))  # 0.55
    scheme = wl.WriteVerify(wl.GaussianVariation(sigma), tolerance, attempts)
    there = scheme.apply(torch.full((COUNT,), g, dtype=torch.float64), DEVICE, generator=_stream())
    _near((there - g).abs() > tolerance * WINDOW, p**attempts)


def test_write_verify_keeps_the_distribution_inside_the_tolerance() -> None:
    """Accepted devices are truncated normal; the others are normal outside the tolerance."""
    g, sigma, tolerance = 3e-5, 0.1, 0.04
    edge = tolerance * WINDOW / (g * sigma)
    scheme = wl.WriteVerify(wl.GaussianVariation(sigma), tolerance, 2)
    there = scheme.apply(torch.full((COUNT,), g, dtype=torch.float64), DEVICE, generator=_stream(5))
    z = (there / g - 1) / sigma
    inside = z[z.abs() <= edge].numpy()
    assert stats.kstest(inside, stats.truncnorm(-edge, edge).cdf).pvalue > 1e-3
    outside = z[z > edge].numpy()
    assert stats.kstest(outside, stats.truncnorm(edge, math.inf).cdf).pvalue > 1e-3


@pytest.mark.parametrize("variation", [wl.GaussianVariation(0.2), wl.StateDependentVariation(0.2)])
def test_one_attempt_is_the_bare_variation(variation: wl.AbstractNonideality) -> None:
    g = DEVICE.conductance(torch.rand(50, 50, generator=_stream()))
    verified = wl.WriteVerify(variation, tolerance=0.01, attempts=1).apply(
        g, DEVICE, generator=_stream(7)
    )
    assert torch.equal(verified, variation.apply(g, DEVICE, generator=_stream(7)))


def test_a_device_within_tolerance_is_not_written_again() -> None:
    g, accepted = torch.full((5000,), 3e-5, dtype=torch.float64), 0.04 * WINDOW
    once, often = (
        wl.WriteVerify(wl.GaussianVariation(0.1), 0.04, attempts).apply(
            g, DEVICE, generator=_stream(2)
        )
        for attempts in (1, 4)
    )
    fine = (once - g).abs() <= accepted
    assert torch.equal(often[fine], once[fine])
    assert bool((often[~fine] != once[~fine]).all())


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: wl.StuckDevices(on=-0.1), ValueError, "`on` must be at least 0"),
        (lambda: wl.StuckDevices(off=1.5), ValueError, "`off` must be at most 1"),
        (lambda: wl.StuckDevices(open=math.nan), ValueError, "`open` must be a finite number"),
        (
            lambda: wl.StuckDevices(0.5, 0.4, 0.2),
            ValueError,
            r"`on` \+ `off` \+ `open` must be at most 1, got 0.5",
        ),
        (
            lambda: wl.WriteVerify(0.1, 0.1, 3),
            TypeError,
            "`variation` must be AbstractNonideality, got 0.1",
        ),
        (
            lambda: wl.WriteVerify(wl.StuckDevices(), 0.1, 3),
            ValueError,
            "`variation` is StuckDevices, which writing",
        ),
        (
            lambda: wl.WriteVerify(wl.ReadNoise(0.1), 0.1, 3),
            ValueError,
            "`variation` is ReadNoise.*behind this entry",
        ),
        (
            lambda: wl.WriteVerify(wl.RetentionDrift(2.0, 1.0, 0.1, 0.0), 0.1, 3),
            ValueError,
            "`variation` is RetentionDrift",
        ),
        (
            lambda: wl.WriteVerify(wl.GaussianVariation(0.1), -0.1, 3),
            ValueError,
            "`tolerance` must be at least 0",
        ),
        (
            lambda: wl.WriteVerify(wl.GaussianVariation(0.1), 0.1, 0),
            ValueError,
            "`attempts` must be at least 1, got 0",
        ),
        (
            lambda: wl.WriteVerify(wl.GaussianVariation(0.1), 0.1, 2.0),
            TypeError,
            "`attempts` must be a whole number",
        ),
    ],
)
def test_impossible_faults_and_schemes_are_refused(
    make, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make()


def test_probabilities_that_sum_to_one_in_decimals_are_accepted() -> None:
    assert wl.StuckDevices(0.1, 0.2, 0.7).open == 0.7
