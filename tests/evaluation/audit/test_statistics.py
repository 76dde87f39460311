"""Exact bounds and tests against beta quantiles and whole numbers, by other code than theirs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from wordline.evaluation.audit.statistics import (
    Paired,
    clopper_pearson_lower,
    clopper_pearson_upper,
    sign_test,
)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_quantiles_of_the_beta_distribution(counts) -> None:
    k, n = counts
    lower = special.betaincinv(k, n - k + 1, 0.05) if k else 0.0
    upper = special.betaincinv(k + 1, n - k, 0.95) if k < n else 1.0
    assert clopper_pearson_lower(k, n) == pytest.approx(lower, abs=1e-9)
    assert clopper_pearson_upper(k, n) == pytest.approx(upper, abs=1e-9)


def tail(wins: int, losses: int) -> float:
    """sum_{i >= wins} C(n, i) / 2^n in whole numbers."""
    n = wins + losses
    return sum(math.comb(n, i) for i in range(wins, n + 1)) / 2**n


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_sign_test_is_the_binomial_one(wins, losses) -> None:
    assert sign_test(wins, losses) == pytest.approx(tail(wins, losses), rel=1e-9)


def test_ten_thousand_images_are_no_trouble() -> None:
    bound = special.betaincinv(150, 9851, 0.05)
    assert clopper_pearson_lower(150, 10_000) == pytest.approx(bound, abs=1e-9)
    assert sign_test(5100, 4900) == pytest.approx(special.betainc(5100, 4901, 0.5), rel=1e-9)


def test_pairs_are_counted_per_image_and_need_size_and_significance() -> None:
    first = torch.tensor([True] * 8 + [False] * 92)
    second = torch.tensor([False] * 6 + [True] * 3 + [False] * 91)
    pair = Paired.of(first, second)
    assert (pair.first_larger, pair.second_larger, pair.difference) == (6, 1, 0.05)
    assert pair.p_value == pytest.approx(8 / 128)
    assert not pair.exceeds(0.01)  # large, but it may be chance
    assert Paired(6, 0, 100, 0.06).exceeds(0.01)
    assert not Paired(6, 0, 1000, 0.006).exceeds(0.01)  # no chance, but small


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(k, n) -> None:
    with pytest.raises(ValueError, match="`successes` must lie between 0 and `trials` = 3"):
        clopper_pearson_lower(k, n)
    with pytest.raises(ValueError, match="`wins` and `losses` must not be negative"):
        sign_test(-1, 2)
