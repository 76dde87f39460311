"""Programming variation: the moments that the docstrings state, from closed forms in scipy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import wordline as wl

DEVICE = wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3)
ON, OFF = 50e-6, 5e-6
COUNT = 160_000


def _landed(nonideality: wl.AbstractNonideality, g: float, seed: int = 1) -> Tensor:
    asked = torch.full((COUNT,), g, dtype=torch.float64)
    return nonideality.apply(asked, DEVICE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [0.1, 0.5])
def test_log_normal_variation_keeps_the_median_and_has_the_moments_it_says(sigma: float) -> None:
    ratio = _landed(wl.LogNormalVariation(sigma), 2e-5) / 2e-5
    mean = math.exp(sigma**2 / 2)
    spread = mean * math.sqrt(math.exp(sigma**2) - 1)
    assert float(ratio.median()) == pytest.approx(
        1, abs=4 * 1.2533 * sigma / COUNT**0.5
    )  # se of a median
    assert float(ratio.mean()) == pytest.approx(mean, abs=4 * spread / COUNT**0.5)
    assert float(ratio.std()) == pytest.approx(spread, rel=0.02)
    assert stats.kstest(ratio.numpy(), stats.lognorm(sigma).cdf).pvalue > 1e-3


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_state_dependent_variation_scatters_most_in_the_middle(share: float) -> None:
    sigma = 0.1
    there = _landed(wl.StateDependentVariation(sigma), OFF + share * (ON - OFF))
    spread = (
        sigma * (ON - OFF) * math.sqrt(share * (1 - share))
    )  # no device of these reaches an end
    assert float(there.mean()) == pytest.approx(
        OFF + share * (ON - OFF), abs=4 * spread / COUNT**0.5
    )
    assert float(there.std()) == pytest.approx(spread, rel=4 / (2 * COUNT) ** 0.5)


def test_state_dependent_variation_is_clipped_to_the_window() -> None:
    """Near an end: the mean of a normal number clipped there, off + s (z Phi(z) + phi(z))."""
    distance, sigma = 0.01 * (ON - OFF), 0.3
    there = _landed(wl.StateDependentVariation(sigma), OFF + distance)
    spread = sigma * math.sqrt(distance * (ON - OFF - distance))
    z = distance / spread
    assert float(there.min()) == OFF
    assert float((there == OFF).double().mean()) == pytest.approx(stats.norm.cdf(-z), abs=0.005)
    expected = OFF + spread * (z * stats.norm.cdf(z) + stats.norm.pdf(z))
    assert float(there.mean()) == pytest.approx(expected, abs=4 * spread / COUNT**0.5)
    assert float(_landed(wl.StateDependentVariation(5.0), 2e-5).max()) == ON


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_state_dependent_variation_leaves_the_ends_and_what_lies_outside(
    dtype: torch.dtype,
) -> None:
    ends = torch.tensor([OFF, ON], dtype=dtype)
    missed = torch.nextafter(ends, torch.full_like(ends, 2e-5))  # by the last bit, as rounding does
    g = (
        torch.cat((ends, missed, torch.tensor([0.0, 9e-5], dtype=dtype)))
        .repeat(100)
        .requires_grad_()
    )
    there = wl.StateDependentVariation(0.5).apply(g, DEVICE, generator=torch.Generator())
    assert torch.equal(there, g)
    (gradient,) = torch.autograd.grad(there.sum(), g)
    assert torch.equal(gradient, torch.ones_like(g))


def test_drift_without_spread_is_the_power_law() -> None:
    g = torch.tensor([1e-5, 4e-5], dtype=torch.float64)
    for seconds, nu in ((20.0, 0.1), (3600.0, 0.05), (86400.0, 0.1)):
        there = wl.RetentionDrift(seconds, 20.0, nu, 0.0).apply(
            g, DEVICE, generator=torch.Generator()
        )
        np.testing.assert_allclose(there.numpy(), g.numpy() * (seconds / 20.0) ** -nu, rtol=1e-12)


@pytest.mark.parametrize(
    ("mean", "spread"), [(0.06, 0.01), (0.02, 0.05)]
)  # hardly and often below zero
def test_drift_has_the_mean_of_a_truncated_exponent(mean: float, spread: float) -> None:
    decades = math.log(1e6)
    factor = _landed(wl.RetentionDrift(1e6, 1.0, mean, spread), 2e-5) / 2e-5
    kept = stats.norm.cdf(-mean / spread)  # nu = 0: no drift
    drifted = math.exp(-mean * decades + (spread * decades) ** 2 / 2) * stats.norm.cdf(
        mean / spread - spread * decades
    )
    assert float(factor.mean()) == pytest.approx(
        kept + drifted, abs=4 * float(factor.std()) / COUNT**0.5
    )
    assert float((factor == 1).double().mean()) == pytest.approx(kept, abs=0.005)
    assert float(factor.max()) <= 1


def test_drift_over_any_time_stays_finite() -> None:
    there = _landed(wl.RetentionDrift(1e300, 1e-300, 0.001, 0.0), 2e-5)
    assert float(there[0]) == pytest.approx(2e-5 * 10 ** (-0.001 * 600))


def test_read_noise_has_the_deviation_it_says_and_a_new_one_each_time() -> None:
    noise, stream = wl.ReadNoise(0.05), torch.Generator().manual_seed(2)
    g = torch.full((COUNT,), 2e-5, dtype=torch.float64)
    first, second = (noise.apply(g, DEVICE, generator=stream) / g - 1 for _ in range(2))
    assert float(first.mean()) == pytest.approx(0, abs=4 * 0.05 / COUNT**0.5)
    assert float(first.std()) == pytest.approx(0.05, rel=4 / (2 * COUNT) ** 0.5)
    correlation = float((first * second).mean()) / 0.05**2
    assert abs(correlation) < 4 / COUNT**0.5


def test_frozen_read_noise_is_the_same_noise() -> None:
    g = torch.full((50,), 2e-5)
    fresh, frozen = (
        wl.ReadNoise(0.1, frozen=f).apply(g, DEVICE, generator=torch.Generator().manual_seed(4))
        for f in (False, True)
    )
    assert torch.equal(fresh, frozen)


def test_read_noise_never_turns_a_current_round() -> None:
    assert float(_landed(wl.ReadNoise(3.0), 2e-5).min()) == 0.0


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: wl.LogNormalVariation(-0.1), ValueError, "`sigma` must be at least 0, got -0.1"),
        (lambda: wl.LogNormalVariation(6.0), ValueError, "`sigma` must be at most 5, got 6"),
        (lambda: wl.StateDependentVariation(-1.0), ValueError, "`sigma` must be at least 0"),
        (lambda: wl.StateDependentVariation("a"), TypeError, "`sigma` must be a number, got 'a'"),
        (lambda: wl.ReadNoise(math.inf), ValueError, "`sigma` must be a finite number"),
        (
            lambda: wl.ReadNoise(0.1, frozen="yes"),
            TypeError,
            "`frozen` must be True or False, got 'yes'",
        ),
        (
            lambda: wl.RetentionDrift(1.0, 0.0, 0.1, 0.0),
            ValueError,
            "`t0_s` must be greater than 0",
        ),
        (
            lambda: wl.RetentionDrift(math.inf, 1.0, 0.1, 0.0),
            ValueError,
            "`time_s` must be a finite number",
        ),
        (
            lambda: wl.RetentionDrift(1.0, 20.0, 0.1, 0.0),
            ValueError,
            "`time_s` must be at least `t0_s`, got time_s=1",
        ),
        (
            lambda: wl.RetentionDrift(9.0, 2.0, -0.1, 0.0),
            ValueError,
            "`nu_mean` must be at least 0",
        ),
        (
            lambda: wl.RetentionDrift(9.0, 2.0, 0.1, -0.1),
            ValueError,
            "`nu_sigma` must be at least 0",
        ),
    ],
)
def test_impossible_spreads_are_refused(make, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make()
