"""Confidence intervals, 95 %, for shares and for differences of shares on the same images."""

from __future__ import annotations

import math

from torch import Tensor

from .record import Estimate

Z = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson(successes: int, trials: int) -> Estimate:
    """Compute a share p = k / n and its Wilson interval (Wilson 1927).

        (2 n p + z^2 +- z sqrt(4 n p (1 - p) + z^2)) / (2 (n + z^2)),  0 at k = 0, 1 at k = n

    Without trials the share is 0 and the interval says nothing: [0, 1].

    >>> estimate = wilson(5, 10)
    >>> round(estimate.low, 4), round(estimate.high, 4)
    (0.2366, 0.7634)
    """
    if trials == 0:
        return Estimate(0.0, 0.0, 1.0)
    share, whole = successes / trials, 2 * (trials + Z * Z)
    centre = (2 * trials * share + Z * Z) / whole
    half = Z / whole * math.sqrt(4 * trials * share * (1 - share) + Z * Z)
    low = 0.0 if successes == 0 else centre - half
    return Estimate(share, low, 1.0 if successes == trials else centre + half)


def paired_difference(first_only: int, second_only: int, trials: int) -> Estimate:
    """Compute the difference of two shares on the same images and its interval.

        d = (b - c) / n,  interval (b - c +- z sqrt(b + c + 1 - (b - c)^2 / (n + 2))) / (n + 2)

    b = right under the first only, c = right under the second only; half a count is added to each
    of the four cells. Source: Agresti & Min, Stat. Med. 2005.

    >>> paired_difference(3, 3, 100).value
    0.0
    """
    b, c, n = first_only, second_only, trials
    half = Z * math.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2))
    low, high = (b - c - half) / (n + 2), (b - c + half) / (n + 2)
    value = (b - c) / n
    return Estimate(value, max(-1.0, min(low, value)), min(1.0, max(high, value)))


def over_draws(values: Tensor) -> Estimate:
    """Compute the mean over draws of a stochastic victim, +- 1.96 sd / sqrt(K).

    `values` `(K,)`, K >= 2.

    >>> import torch
    >>> over_draws(torch.tensor([0.5, 0.5]))
    Estimate(value=0.5, low=0.5, high=0.5)
    """
    mean = values.mean().item()
    half = Z * values.std().item() / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def clopper_pearson(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """Compute exact one-sided bounds of a share, each of which fails with probability <= alpha.

        lower: P(at least k of n | p) = alpha,   upper: P(at most k of n | p) = alpha

    The share lies above the lower bound with confidence 1 - alpha, and below the upper one with the
    same: together they hold with 1 - 2 alpha. Source: Clopper & Pearson 1934.

    >>> low, high = clopper_pearson(10, 10, 0.001)  # low^10 = 0.001
    >>> round(low, 4), high
    (0.5012, 1.0)
    """
    from scipy.special import betaincinv  # not needed to read records

    k, n = successes, trials
    low = float(betaincinv(k, n - k + 1, alpha)) if k else 0.0
    return low, float(betaincinv(k + 1, n - k, 1 - alpha)) if k < n else 1.0
