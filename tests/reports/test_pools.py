"""Rows of pooled gains: which records stand together, with which software and which twins."""

from dataclasses import replace

import pytest
from tests.reports.examples import SOFTWARE, answered, chip, gains_and_twins, record, twin

import wordline as wl
from wordline.records import pooled_gain, split_gain
from wordline.reports.pools import pools_of


def test_a_row_is_a_design_under_an_attack_from_a_source() -> None:
    records = gains_and_twins()
    software, *others = records
    white, scaled_white, moved, scaled_moved = pools_of(records)
    assert (white.chips, white.twins) == (tuple(others[0:2]), tuple(others[2:4]))
    assert (moved.chips, moved.twins) == (tuple(others[5:7]), tuple(others[7:9]))
    assert {row.software for row in (white, scaled_white, moved, scaled_moved)} == {software}
    assert scaled_white.chips == (others[4],) and scaled_moved.chips == (others[9],)
    assert scaled_white.split is None and not scaled_white.twins
    assert white.pooled == pooled_gain(white.chips, software)
    assert white.split == split_gain(white.chips, white.twins, software)
    assert white.pooled.gain.value == pytest.approx(0.15)
    assert white.split.attenuation.value == pytest.approx(0.1)
    assert white.verdict == white.split.verdict and scaled_white.verdict == "undecided"


def test_a_missing_twin_leaves_the_gain_alone() -> None:
    white, *_ = pools_of([made for made in gains_and_twins() if made.victim != twin(1)])
    assert white.split is None and len(white.chips) == 2 and white.verdict == white.pooled.verdict


def test_a_twin_names_its_chips_software() -> None:
    """Without any transferred record."""
    records = [made for made in gains_and_twins() if made.source == made.victim]
    assert [len(row.chips) for row in pools_of(records)] == [2, 1]


def test_twins_of_other_parts_are_no_twins_of_rows() -> None:
    records = [
        replace(made, victim=twin(made.victim.chip.seed, per="column")) if made.victim.is_twin
        else made
        for made in gains_and_twins()
    ]  # fmt: skip
    assert all(row.split is None for row in pools_of(records))


def test_images_of_another_network_have_no_counterpart() -> None:
    """Two networks' images: the chip's maker is unknown. A twin names it, and theirs count."""
    other = replace(SOFTWARE, weights="1" * 16)
    records = gains_and_twins()
    surrogate = answered(record(twin(0), other), "1111111100", "1111111100")
    assert len(pools_of([*records, surrogate])) == 4
    from_chip = answered(record(chip(0), chip(7)), "1111111000", "1111110000")
    rows = pools_of([*records, from_chip])
    assert len(rows) == 5 and rows[-1].chips == (from_chip,) and rows[-1].split is None


def test_chips_of_two_networks_of_one_class_are_two_rows() -> None:
    other = replace(SOFTWARE, weights="1" * 16)
    second = answered(record(other), "1111111111", "1000000000")
    moved = answered(record(chip(5, weights="of other"), other), "1111111111", "1100000000")
    rows = [row for row in pools_of([*gains_and_twins(), second, moved]) if moved in row.chips]
    assert [(row.chips, row.software) for row in rows] == [((moved,), second)]


def test_chips_of_equal_content_count_once() -> None:
    software = gains_and_twins()[0]
    same = [
        answered(record(chip(seed, weights="same"), SOFTWARE), "1" * 10, "1" * 10)
        for seed in (0, 1)
    ]
    (row,) = pools_of([software, *same])
    assert row.chips == (same[0],) and row.pooled.gain.chips == 1


def test_records_without_software_or_answers_have_no_row() -> None:
    software, first, *_ = gains_and_twins()
    moved = replace(first, source=SOFTWARE)
    assert pools_of([moved]) == pools_of([software, record(chip(), SOFTWARE)]) == []
    assert pools_of([software, replace(moved, attack=wl.FGSM(eps=0.2))]) == []
    assert len(pools_of([software, moved])) == 1
