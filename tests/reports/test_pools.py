"""Chips are grouped with their own software and twins, and with no others."""

from dataclasses import replace

import pytest
from tests.reports.examples import SOFTWARE, chip, record, scaled, twin

from wordline.records.correctness import Correctness
from wordline.records.record import Record
from wordline.reports import gains_table, pools_of
from wordline.reports.markdown import markdown_table


def answered(made: Record, clean: str, right: str) -> Record:
    clean_answers, answers = (Correctness.of(bit == "1" for bit in bits) for bits in (clean, right))
    return replace(made, clean_answers=clean_answers, answers=answers)


ALL, FIVE, TWO, THREE = "1" * 10, "1111100000", "1100000000", "1110000000"
SW = answered(record(), ALL, TWO)
SH = [answered(record(chip(seed), SOFTWARE), ALL, FIVE) for seed in (0, 1)]
HH = [answered(record(chip(seed)), ALL, THREE) for seed in (1, 0)]
TWINS = [answered(record(twin(seed)), ALL, FIVE) for seed in (0, 1)]
MOVED = [answered(record(twin(seed), SOFTWARE), ALL, TWO) for seed in (0, 1)]


def test_chips_of_a_design_stand_by_seed_beside_their_own_twins() -> None:
    white, moved = sorted(pools_of([SW, *HH, *SH, *TWINS, *MOVED]), key=lambda p: p.transferred)
    assert [chip.victim.seed for chip in white.chips] == [0, 1]
    assert [found.victim for found in white.twins] == [twin(0), twin(1)]
    assert [found.victim for found in moved.twins] == [twin(0), twin(1)]
    assert all(found.source == SOFTWARE for found in moved.twins)
    assert white.images == "white-box" and moved.images == "transferred"
    assert white.label == "16x16 UnitGain, driver 1000 ohm, white-box"


def test_a_split_adds_up() -> None:
    white, _ = sorted(pools_of([SW, *HH, *SH, *TWINS, *MOVED]), key=lambda p: p.transferred)
    split = white.split()
    assert split is not None
    values = split.gain.value, split.attenuation.value, split.rest.value
    assert values == pytest.approx((0.1, 0.3, -0.2))
    assert [len(alone.chips) for alone in white.each()] == [1, 1]
    assert [alone.twins[0].victim.chip.seed for alone in white.each()] == [0, 1]


def test_twins_of_some_chips_only_are_no_twins() -> None:
    white = next(p for p in pools_of([SW, *HH, *SH, TWINS[0]]) if not p.transferred)
    assert white.twins == () and white.split() is None


def test_scaled_weights_are_a_pool_of_their_own() -> None:
    smaller = answered(record(scaled(0.9)), ALL, FIVE)
    (pool,) = pools_of([SW, smaller])
    assert not pool.chip and pool.factor == 0.9 and pool.pooled().gain.value == pytest.approx(0.3)


@pytest.mark.parametrize(
    "records",
    [
        [SW, *HH],  # no transfer record says which software the chips are of
        [*HH, *SH],  # no software
        [SW, replace(SW, images=10, threads=2), *SH],  # two of software
        [SW, *(replace(chip, fingerprint="other") for chip in SH)],
        [SW, *(replace(chip, flags=("one draw of read noise",)) for chip in SH)],
        [SW, *(replace(chip, clean_answers=replace(chip.clean_answers, count=0, digits=""))
               for chip in SH)],
    ],
)  # fmt: skip
def test_others_are_left_out(records: list[Record]) -> None:
    assert [pool for pool in pools_of(records) if pool.chip] == []


def test_a_record_that_comes_twice_counts_once() -> None:
    (pool,) = pools_of([SW, SH[0], replace(SH[0], threads=2)])
    assert len(pool.chips) == 1


def test_the_table_says_what_a_gain_is_made_of() -> None:
    table = gains_table([SW, *HH, *SH, *TWINS, *MOVED])
    assert table is not None
    row = next(row for row in table.rows if "white-box" in row)
    ours = [round(entry.ours, 6) for entry in table.line(row)]
    assert ours == [0.0, 10.0, 10.0, 30.0, -20.0]
    text = markdown_table(table)
    assert "| verdict |" in text and "undecided" in text
    assert gains_table([SW]) is None
