"""Bounds of shares against the binomial tails that define them; radii and tables from counts."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

import pytest
from scipy.stats import binom

from wordline.attacks import PGD
from wordline.records import (
    AttackedVotes,
    Certificate,
    Software,
    certificate_table,
    clopper_pearson,
    wilson,
)
from wordline.records.record import NetworkIdentity

N, ALPHA = 100, 0.01
FOUND = Certificate(
    victim=NetworkIdentity("Net", "0" * 16, Software()), layer="conv1", sensitivity=2.0,
    data="digits", fingerprint="f", radii=(0.25, 0.5), selection=10, estimation=N, alpha=ALPHA,
    labels=(0, 1, 2, 3), classes=(0, 1, 0, 3), votes=(100, 80, 100, 55), hits=(100, 80, 0, 55),
    passes=440, seed=0, batch_size=4, threads=1, versions={},
)  # fmt: skip


@pytest.mark.parametrize("successes", [0, 1, 50, 99, 100])
def test_bounds_of_a_share_are_where_the_tail_is_alpha(successes: int) -> None:
    low, high = clopper_pearson(successes, N, ALPHA)
    if successes:
        assert binom.sf(successes - 1, N, low) == pytest.approx(ALPHA, rel=1e-9)
    if successes < N:
        assert binom.cdf(successes, N, high) == pytest.approx(ALPHA, rel=1e-9)
    assert (low == 0) == (successes == 0) and (high == 1) == (successes == N)


def test_the_bound_fails_as_often_as_it_says() -> None:
    """The share 0.7 lies below its lower bound in at most alpha of all outcomes, counted out."""
    wrong = sum(
        binom.pmf(k, N, 0.7) for k in range(N + 1) if clopper_pearson(k, N, ALPHA)[0] > 0.7
    )
    assert 0.2 * ALPHA < wrong <= ALPHA


def test_radii_follow_from_the_counts() -> None:
    everything, eighty = ALPHA ** (1 / N), clopper_pearson(80, N, ALPHA)[0]
    expected = [NormalDist().inv_cdf(p) / 2 for p in (everything, eighty)]
    assert FOUND.image_radii == pytest.approx((*expected, expected[0], 0.0))
    assert FOUND.largest_radius == FOUND.image_radii[0] and FOUND.input_noise == 0.5
    assert FOUND.images == 4


def test_an_image_counts_if_its_class_is_its_label() -> None:
    assert FOUND.certified_images(0.0) == (True, True, False, False)
    assert FOUND.certified_images(0.5) == (True, False, False, False)
    assert not any(FOUND.certified_images(FOUND.largest_radius))  # inside, and not on it
    assert FOUND.certified(0.0) == wilson(2, 4) and FOUND.abstained == wilson(1, 4)
    assert FOUND.clean.value == pytest.approx((1 + 0.8 + 0 + 0.55) / 4)
    assert FOUND.clean.low < FOUND.clean.value < FOUND.clean.high <= 1


def test_tables() -> None:
    votes = AttackedVotes(PGD(eps=0.25, norm="l2"), 0.25, 10, wilson(3, 4), 2, 1)
    attacked = dataclasses.replace(FOUND, attacks=(votes,))
    other = dataclasses.replace(FOUND, radii=(1.0,))
    text = certificate_table([attacked, other], title="digits")
    assert "cert. 0.25 %" in text and "cert. 1 %" in text and "1 of 2" in text
    assert "50.0 [15.0, 85.0]" in str(FOUND) and "attacked" not in str(FOUND)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="`radius` must be at least 0"):
        FOUND.certified(-0.1)
    with pytest.raises(TypeError, match="`certificates` must hold Certificates, got int"):
        certificate_table([1])
