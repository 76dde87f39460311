"""Intervals against published numbers, and their coverage by simulation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from wordline.records.intervals import over_draws, paired_difference, wilson


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_equals_scipy(successes: int, extra: int) -> None:
    trials = successes + extra
    estimate = wilson(successes, trials)
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_trials_nothing_is_known() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_paired_interval_holds_its_estimate_and_stays_in_range(b: int, c: int, same: int) -> None:
    estimate = paired_difference(b, c, b + c + same + 1)
    assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_paired_interval_covers_the_truth() -> None:
    """200 images, truth 0.3 - 0.05: the interval must hold it in about 95 % of samples (Agresti & Min, table 2)."""
    draws = np.random.default_rng(0).multinomial(200, (0.3, 0.05, 0.65), size=2000)
    intervals = [paired_difference(int(b), int(c), 200) for b, c, _ in draws]
    covered = np.mean([e.low <= 0.25 <= e.high for e in intervals])
    assert 0.935 <= covered <= 0.97


def test_interval_over_draws_by_hand() -> None:
    estimate = over_draws(torch.tensor([0.4, 0.6], dtype=torch.float64))
    half = 1.959963984540054 * np.std([0.4, 0.6], ddof=1) / np.sqrt(2)
    assert (estimate.value, estimate.high) == pytest.approx((0.5, 0.5 + half))
