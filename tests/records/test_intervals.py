"""Intervals against published numbers and formulas, and their coverage by simulation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from wordline.records.intervals import Z, over_draws, paired_difference, wilson


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_is_its_formula(successes: int, extra: int) -> None:
    """(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), Wilson 1927."""
    n = successes + extra
    estimate, p = wilson(successes, n), successes / n
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    assert estimate.value == p
    expected = (max(0.0, middle - half), min(1.0, middle + half))
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 10, 97, 500, 10_000])
def test_wilson_is_scipys_to_the_last_bit(n: int) -> None:
    for successes in {0, 1, n // 3, n // 2, n - 1, n}:
        theirs = binomtest(successes, n).proportion_ci(0.95, method="wilson")
        ours = wilson(successes, n)
        assert (ours.low, ours.high) == (theirs.low, theirs.high)


def test_wilson_at_the_ends_holds_the_share() -> None:
    assert wilson(0, 20).low == 0.0 and wilson(20, 20).high == 1.0


def test_without_trials_nothing_is_known() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_paired_interval_holds_its_estimate_and_stays_in_range(b: int, c: int, same: int) -> None:
    estimate = paired_difference(b, c, b + c + same + 1)
    assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_paired_interval_covers_the_truth() -> None:
    """Truth 0.3 - 0.05 on 200 images lies in about 95 % of intervals (Agresti & Min, table 2)."""
    draws = np.random.default_rng(0).multinomial(200, (0.3, 0.05, 0.65), size=2000)
    intervals = [paired_difference(int(b), int(c), 200) for b, c, _ in draws]
    covered = np.mean([e.low <= 0.25 <= e.high for e in intervals])
    assert 0.935 <= covered <= 0.97


def test_interval_over_draws_by_hand() -> None:
    estimate = over_draws(torch.tensor([0.4, 0.6], dtype=torch.float64))
    half = 1.959963984540054 * np.std([0.4, 0.6], ddof=1) / np.sqrt(2)
    assert (estimate.value, estimate.high) == pytest.approx((0.5, 0.5 + half))
