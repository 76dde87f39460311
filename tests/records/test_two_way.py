"""The two-way bootstrap against closed forms, and its coverage by simulation."""

import math
import time

import numpy as np
import pytest
from scipy.stats import norm, t

from wordline.records import Estimate, gain_verdict
from wordline.records.intervals import Z, paired_difference
from wordline.records.two_way import draw_counts, two_way_interval, variances

CHIPS, IMAGES = 5, 400


def draw(
    chips: int, images: int, effect: float, rng: np.random.Generator, alike: float = 0.9,
    attacked: float = 0.23,
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Chip less software, and the true gain: latent scores, and thresholds that chips shift.

    `effect`: standard deviation of a chip's own accuracy; P(right) of a shifted normal score is
    that of one normal score of a larger variance.
    """
    scores, own = rng.standard_normal(images), rng.standard_normal((chips, images))
    level = norm.ppf(1 - attacked)
    shift = effect / norm.pdf(level) * rng.standard_normal((chips, 1))
    right = alike * scores + math.sqrt(1 - alike**2) * own + shift > level
    software = scores > norm.ppf(1 - 0.2)
    truth = norm.cdf(-level / math.hypot(1, effect / norm.pdf(level))) - 0.2
    return right.astype(np.int64) - software.astype(np.int64), truth


def mean_squares(table: np.ndarray) -> tuple[float, float, float]:
    """The variances of a two-way mean by the analysis of variance (Searle et al. 1992)."""
    chips, images = table.shape
    rows, columns = table.mean(1), table.mean(0)
    rest = table - rows[:, None] - columns + table.mean()
    degrees = (chips - 1) * (images - 1)
    return (
        rows.var(ddof=1) / chips,
        columns.var(ddof=1) / images,
        (rest**2).sum() / degrees / table.size,
    )


def test_the_variances_are_those_of_a_two_way_layout() -> None:
    table, _ = draw(CHIPS, IMAGES, 0.02, np.random.default_rng(0), alike=0.5)
    assert variances(table, 40_000, 0) == pytest.approx(mean_squares(table), rel=0.04)


def test_the_interval_is_its_formula() -> None:
    table, _ = draw(CHIPS, IMAGES, 0.03, np.random.default_rng(1))
    chips, images, both = variances(table, 2000, 0)
    shrink = IMAGES / (IMAGES + 2)
    within = shrink**2 * images + 1 / (IMAGES + 2) ** 2
    half = math.sqrt(t.ppf(0.975, CHIPS - 1) ** 2 * (chips - both) + Z**2 * within)
    assert chips > both
    middle = shrink * table.mean()
    assert two_way_interval(table) == pytest.approx((table.mean(), middle - half, middle + half))


def test_one_chip_is_a_bootstrap_over_images_alone() -> None:
    table, _ = draw(1, IMAGES, 0.0, np.random.default_rng(2))
    rng = np.random.default_rng(3)
    by_hand = [rng.choice(table[0], IMAGES).mean() for _ in range(5000)]
    assert variances(table, 5000, 0)[1] == pytest.approx(np.var(by_hand), rel=0.06)
    assert variances(table, 2000, 0)[::2] == (0.0, 0.0)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 0), (40, 25), (200, 5)])
def test_one_chip_has_the_interval_of_agresti_and_min(first: int, second: int) -> None:
    table = np.zeros((1, IMAGES), dtype=np.int64)
    table[0, :first], table[0, first : first + second] = 1, -1
    exact = paired_difference(first, second, IMAGES)
    found = two_way_interval(table, replicates=20_000)
    width = exact.high - exact.low
    assert found == pytest.approx((exact.value, exact.low, exact.high), abs=0.02 * width)


def test_equal_chips_are_no_narrower_than_one() -> None:
    one, _ = draw(1, IMAGES, 0.0, np.random.default_rng(4))
    _, low, high = two_way_interval(one)
    _, low_of_five, high_of_five = two_way_interval(np.repeat(one, 5, axis=0))
    assert (low_of_five, high_of_five) == pytest.approx((low, high))


def test_a_shift_between_chips_has_students_quantile() -> None:
    """Chips without an error of their own: the interval of their means, wide for being few."""
    table = np.zeros((3, 3000), dtype=np.int64)
    for row, share in enumerate((0.1, 0.2, 0.3)):
        table[row, : int(share * 3000)] = 1
    table = np.apply_along_axis(np.random.default_rng(5).permutation, 1, table)
    _, low, high = two_way_interval(table, replicates=20_000)
    half = t.ppf(0.975, 2) * 0.1 / math.sqrt(3)
    assert (low, high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.01)


@pytest.mark.parametrize("chips", [1, 3, 5, 10])
@pytest.mark.parametrize("effect", [0.0, 0.03])
def test_intervals_cover_the_truth(chips: int, effect: float) -> None:
    _require_coverage(chips, 300, effect if chips > 1 else 0.0, runs=400)


@pytest.mark.slow
@pytest.mark.parametrize("chips", [1, 3, 5, 10])
@pytest.mark.parametrize("images", [300, 1000])
@pytest.mark.parametrize("effect", [0.0, 0.005, 0.01, 0.02, 0.03])
@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
def test_coverage_over_the_whole_range(
    chips: int, images: int, effect: float, alike: float
) -> None:
    _require_coverage(chips, images, effect if chips > 1 else 0.0, runs=2000, alike=alike)


def _require_coverage(
    chips: int, images: int, effect: float, runs: int, alike: float = 0.9
) -> None:
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(runs):
        table, truth = draw(chips, images, effect, rng, alike)
        _, low, high = two_way_interval(table)
        covered += low <= truth <= high
    assert 0.93 <= covered / runs <= 0.995


@pytest.mark.parametrize("effect", [0.0, 0.01])
def test_a_gain_of_the_smallest_size_is_seldom_called_none(effect: float) -> None:
    """At 1.5 points "no gain" is an error of one tail; at none it is said where it can be."""
    rng, words = np.random.default_rng(9), {0.2: [], 0.215: []}
    for attacked, said in words.items():
        for _ in range(200):
            table, truth = draw(5, 1000, effect, rng, alike=0.97, attacked=attacked)
            assert truth == pytest.approx(attacked - 0.2, abs=5e-4)
            said.append(gain_verdict(Estimate(*two_way_interval(table))))
    assert words[0.215].count("no gain") <= 0.05 * 200
    assert words[0.2].count("gain") <= 0.05 * 200
    if not effect:
        assert words[0.2].count("no gain") >= 0.3 * 200


def test_the_same_seed_gives_the_same_bits_and_another_others() -> None:
    table, _ = draw(CHIPS, IMAGES, 0.02, np.random.default_rng(7))
    first = two_way_interval(table)
    draw_counts.cache_clear()
    assert two_way_interval(table) == first != two_way_interval(table, seed=1)


def test_every_replicate_draws_as_many_as_there_are() -> None:
    counts = draw_counts(7, 200, 0, "images")
    assert (counts.sum(axis=1) == 7).all() and counts.min() == 0 < counts.max()


def test_a_thousand_images_of_five_chips_take_no_time() -> None:
    table, _ = draw(5, 1000, 0.01, np.random.default_rng(8))
    draw_counts.cache_clear()
    start = time.process_time()
    two_way_interval(table)
    assert time.process_time() - start < 1.0
