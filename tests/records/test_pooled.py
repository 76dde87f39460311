"""Pooled gains: their sums, their split, their verdicts, and the records that are no pool."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import wordline as wl
from wordline.records import (
    Attenuated,
    Correctness,
    Estimate,
    NetworkIdentity,
    PooledGain,
    Record,
    Scaled,
    gain_verdict,
    pooled_gain,
    split_gain,
)
from wordline.records.gain_verdict import split_verdict

IMAGES, HALF = 200, Estimate(0.5, 0.4, 0.6)
SOFTWARE = NetworkIdentity("Net", "0" * 16)
CROSSBAR = wl.Crossbar.preset("rethinking-16")
RNG = np.random.default_rng(0)


def record(victim: NetworkIdentity, clean: float, attacked: float) -> Record:
    right = RNG.random(IMAGES) < clean
    answers = right & (RNG.random(IMAGES) < attacked / clean)
    return Record(
        victim=victim, source=victim, attack=wl.PGD(eps=0.1, steps=3, step_size=0.05), data="x",
        fingerprint="f", images=IMAGES, clean=HALF, adversarial=HALF, loss=HALF, success=HALF,
        largest_change=0.1, seed=0, draws=1, batch_size=10, threads=1, versions={},
        clean_answers=Correctness.of(right.tolist()), answers=Correctness.of(answers.tolist()),
    )  # fmt: skip


def chip(seed: int) -> NetworkIdentity:
    return NetworkIdentity("Net", f"chip{seed}", CROSSBAR, seed)


def twin(seed: int) -> NetworkIdentity:
    return NetworkIdentity("Net", f"twin{seed}", origin=Attenuated(SOFTWARE, chip(seed)))


SW = record(SOFTWARE, 0.9, 0.2)
CHIPS = [record(chip(seed), 0.8, 0.3) for seed in range(5)]
TWINS = [record(twin(seed), 0.88, 0.3) for seed in range(5)]


def share(records: list[Record], name: str) -> float:
    return float(np.mean([list(getattr(made, name)) for made in records]))


def test_the_estimates_are_differences_of_means() -> None:
    found = pooled_gain(CHIPS, SW)
    gain = share(CHIPS, "answers") - share([SW], "answers")
    clean = share([SW], "clean_answers") - share(CHIPS, "clean_answers")
    assert (found.gain.value, found.clean_loss.value) == pytest.approx((gain, clean))
    assert found.advantage.value == pytest.approx(clean + gain)
    assert (found.gain.chips, found.gain.images) == (5, IMAGES)
    assert PooledGain.from_json(found.to_json()) == found == pooled_gain(CHIPS, SW)
    assert found != pooled_gain(CHIPS, SW, seed=1)


def test_the_parts_sum_to_the_gain() -> None:
    found = split_gain(CHIPS, TWINS, SW)
    assert found.gain == pooled_gain(CHIPS, SW).gain
    assert found.attenuation.value + found.rest.value == pytest.approx(found.gain.value)
    kept = share(TWINS, "clean_answers") - share(CHIPS, "clean_answers")
    assert found.kept.value == pytest.approx(kept)


def test_twins_are_paired_with_their_chips() -> None:
    """Twins that answer as their chips do leave a rest of nothing, to within half a count."""
    same = [
        replace(made, answers=beside.answers, clean_answers=beside.clean_answers)
        for made, beside in zip(TWINS, CHIPS, strict=True)
    ]
    rest = split_gain(CHIPS, same, SW).rest
    assert rest.value == 0.0 and rest.high - rest.low < 0.02


def test_one_chip_says_so() -> None:
    found = pooled_gain(CHIPS[:1], SW).gain
    assert str(found).endswith("over 200 images of one chip")
    paired = wl.robust_gain(CHIPS[0], SW)
    assert (found.low, found.high) == pytest.approx((paired.low, paired.high), abs=0.005)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.06, "gain"), (-0.06, -0.001, "loss"), (-0.02, 0.0149, "no gain"),
        (-0.02, 0.015, "undecided"), (0.0, 0.06, "undecided"), (-0.01, 0.0, "no gain"),
    ],
)  # fmt: skip
def test_a_verdict_is_of_the_whole_interval(low: float, high: float, word: str) -> None:
    assert gain_verdict(Estimate(0.0, low, high)) == word


@pytest.mark.parametrize(
    ("twins", "rest", "kept", "word"),
    [
        ((0.02, 0.06), (-0.03, -0.01), (0.01, 0.05), "explained by attenuation"),
        ((0.02, 0.06), (-0.01, 0.01), (-0.01, 0.01), "explained by attenuation"),
        ((0.02, 0.06), (-0.01, 0.03), (0.01, 0.05), "gain"),  # perhaps more than its twin
        ((0.02, 0.06), (-0.01, 0.01), (-0.05, 0.01), "gain"),  # perhaps of a worse network
        ((-0.01, 0.02), (-0.01, 0.01), (0.01, 0.05), "gain"),  # perhaps the twin has none
    ],
)
def test_a_gain_that_the_twin_has_too_is_no_crossbars(
    twins: tuple[float, float], rest: tuple[float, float], kept: tuple[float, float], word: str
) -> None:
    parts = [Estimate(0.0, *ends) for ends in (twins, rest, kept)]
    assert split_verdict(Estimate(0.04, 0.02, 0.06), *parts) == word
    assert split_verdict(Estimate(-0.04, -0.06, -0.02), *parts) == "loss"


def test_a_verdict_stands_with_its_interval() -> None:
    found = split_gain(CHIPS, TWINS, SW)
    assert str(found.gain) in str(found) and found.verdict in str(found)
    assert str(pooled_gain(CHIPS, SW)).endswith(": gain")


OTHER = replace(SW, fingerprint="g")
WEAKER = replace(SW, attack=wl.PGD(eps=0.2, steps=3, step_size=0.05))
SHORTER = replace(SW, attack=wl.PGD(eps=0.1, steps=3, step_size=0.05, early_stop=True))
MOVED = [replace(made, source=SOFTWARE) for made in CHIPS]
STRANGER = replace(CHIPS[1], victim=replace(chip(1), crossbar=wl.Crossbar.preset("rethinking-32")))
ELSEWHERE = replace(SOFTWARE, weights="1" * 16)
ADOPTED = replace(twin(1), origin=Attenuated(ELSEWHERE, chip(1)))
BY_COLUMN = replace(twin(1), origin=Attenuated(SOFTWARE, chip(1), "column"))


def white_box(made: Record, victim: NetworkIdentity) -> Record:
    return replace(made, victim=victim, source=victim)


SMALLER = [
    white_box(SW, NetworkIdentity("Net", f"x{factor}", origin=Scaled(SOFTWARE, factor)))
    for factor in (0.9, 0.95)
]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pooled_gain([], SW), "`chips` is empty"),
        (lambda: pooled_gain(CHIPS, OTHER), "`chips` has a record of other images"),
        (lambda: pooled_gain(CHIPS, WEAKER), "`chips` has a record under PGD 0.1 .* another under"),
        (lambda: pooled_gain(CHIPS, CHIPS[0]), "`software` is a record of the setting HH"),
        (lambda: pooled_gain([CHIPS[0]] * 2, SW), "`chips` holds two records of one network"),
        (lambda: pooled_gain([CHIPS[0], STRANGER], SW), "`chips` holds records of several designs"),
        (lambda: pooled_gain([CHIPS[0], MOVED[1]], SW), "`chips` holds records of several designs"),
        (
            lambda: pooled_gain([replace(CHIPS[0], clean_answers=Correctness())], SW),
            "`chips` holds no answers to the clean images",
        ),
        (
            lambda: pooled_gain([replace(CHIPS[0], source=ELSEWHERE)], SW),
            "`chips` has a record of images crafted on another network",
        ),
        (
            lambda: pooled_gain([white_box(TWINS[1], ADOPTED)], SW),
            "`chips` holds a stand-in made of another network",
        ),
        (
            lambda: split_gain(CHIPS[:2], [TWINS[0], white_box(TWINS[1], BY_COLUMN)], SW),
            "`twins` holds records of several designs",
        ),
        (lambda: pooled_gain(SMALLER, SW), "`chips` holds records of several designs"),
        (
            lambda: pooled_gain([CHIPS[0], white_box(CHIPS[1], replace(chip(1), network="B"))], SW),
            "`chips` holds records of several designs",
        ),
        (lambda: split_gain(CHIPS, CHIPS, SW), "`twins` must be stand-ins, .* number 0 is .*HH"),
        (lambda: split_gain(CHIPS, TWINS[:4], SW), "`twins` must be one for each of the 5 chips"),
        (lambda: split_gain(CHIPS, TWINS[::-1], SW), "number 0 is the twin of another chip"),
        (lambda: split_gain(MOVED, TWINS, SW), "number 0 is SW beside SH"),
        (lambda: pooled_gain(CHIPS, SW, replicates=3), "`replicates` must be at least 100"),
        (lambda: split_gain(CHIPS, TWINS, SW, seed=-1), "`seed` must be at least 0"),
    ],
)
def test_records_that_are_no_pool(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_early_stop_parts_no_pool_and_transferred_twins_fit_transferred_chips() -> None:
    assert pooled_gain(CHIPS, SHORTER) == pooled_gain(CHIPS, SW)
    moved = [replace(made, source=SOFTWARE) for made in TWINS]
    assert split_gain(MOVED, moved, SW) == split_gain(CHIPS, TWINS, SW)
