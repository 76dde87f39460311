"""The robust gain in a layout: which record of software a chip's is paired with, if any."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.reports.examples import SOFTWARE, chip, folder, record, scaled, twin

import wordline as wl
from wordline.records.correctness import Correctness
from wordline.records.record import Record
from wordline.reports import Axis, Layout, read_results
from wordline.reports.tabulate import tabulate

LAYOUT = Layout(
    "gain", "robust gain", rows=Axis("setting", ("setting", "tile")), columns=Axis("eps", ("eps",))
)


def answered(made: Record, right: str) -> Record:
    return replace(made, answers=Correctness.of(bit == "1" for bit in right))


SW, SH = answered(record(), "1110000000"), answered(record(chip(), SOFTWARE), "1111100000")
HH = answered(record(chip()), "0000000000")


def gains(path: Path, *records: Record) -> dict[tuple[str, str], float]:
    table = tabulate(LAYOUT, read_results(folder(path, list(records))))
    return {place: entry.ours for place, entry in table.entries.items()}


def test_both_settings_are_paired_with_software(tmp_path: Path) -> None:
    found = gains(tmp_path, SW, SH, HH)
    assert found == {
        ("SH 16x16", "0.1"): pytest.approx(20.0),
        ("HH 16x16", "0.1"): pytest.approx(-30.0),
    }


def test_the_interval_is_that_of_the_pair(tmp_path: Path) -> None:
    mean = tabulate(LAYOUT, read_results(folder(tmp_path, [SW, SH]))).entry("SH 16x16", "0.1").mean
    by_hand = wl.robust_gain(SH, SW)
    assert (mean.low, mean.high) == pytest.approx((100 * by_hand.low, 100 * by_hand.high))


def test_early_stop_does_not_part_a_pair_but_steps_do(tmp_path: Path) -> None:
    pgd = wl.PGD(eps=0.1, steps=3, step_size=0.05, early_stop=True)
    alone, moved = replace(SW, attack=pgd), replace(SH, attack=pgd.for_transfer())
    assert gains(tmp_path / "a", alone, moved)["SH 16x16", "0.1"] == pytest.approx(20.0)
    assert gains(tmp_path / "b", alone, replace(moved, attack=replace(pgd, steps=4))) == {}


def test_a_chip_is_known_by_its_transfer_records(tmp_path: Path) -> None:
    """Of two networks of one class, the white-box record is paired with the right one."""
    other = replace(SOFTWARE, weights="1" * 16)
    second, moved = (
        answered(record(other), "1111111100"),
        answered(record(chip(), other), "1111111111"),
    )
    unseen = replace(HH.victim, weights="unseen")
    unknown = replace(HH, victim=unseen, source=unseen)
    assert gains(tmp_path / "a", SW, second, SH, HH)["HH 16x16", "0.1"] == pytest.approx(-30.0)
    assert gains(tmp_path / "b", SW, unknown) == {}
    assert gains(tmp_path / "c", SW, second, moved, SH, HH) == {}  # nothing says whose chip it is


def test_networks_of_equal_weights_are_told_apart_by_their_structure(tmp_path: Path) -> None:
    """As pixels of 8 and of 4 bits in front of one network."""
    few, made = replace(SOFTWARE, structure="4 bits"), replace(chip(), structure="4 bits on a chip")
    four, moved = answered(record(few), "1000000000"), answered(record(made, few), "1111100000")
    assert gains(tmp_path, SW, four, moved)["SH 16x16", "0.1"] == pytest.approx(40.0)


@pytest.mark.parametrize(
    "change",
    [{"norm": "l2"}, {"step_size": 0.01}, {"restarts": 2}, {"loss": "cross-entropy"}, {"eps": 0.2}],
)
def test_other_attacks_are_no_pair(tmp_path: Path, change: dict[str, object]) -> None:
    pgd = wl.PGD(eps=0.1, steps=3, step_size=0.05)
    assert len(gains(tmp_path / "a", replace(SW, attack=pgd), replace(SH, attack=pgd))) == 1
    assert (
        gains(tmp_path / "b", replace(SW, attack=replace(pgd, **change)), replace(SH, attack=pgd))
        == {}
    )


def test_one_draw_of_a_noisy_chip_has_no_gain(tmp_path: Path) -> None:
    assert (
        gains(tmp_path, SW, replace(SH, flags=("one draw of a chip with read noise; ...",))) == {}
    )


def test_records_without_answers_have_no_gain(tmp_path: Path) -> None:
    assert (
        gains(tmp_path / "a", record(), SH)
        == gains(tmp_path / "b", SW, record(chip(), SOFTWARE))
        == {}
    )


def test_software_itself_has_none(tmp_path: Path) -> None:
    assert gains(tmp_path, SW, replace(SW, attack=wl.FGSM(eps=0.2))) == {}


def test_twins_and_scaled_weights_have_the_gain_over_their_software(tmp_path: Path) -> None:
    """Which they name themselves, so that no transfer record has to."""
    stand_ins = [
        answered(record(twin()), "1111000000"),
        answered(record(twin(), SOFTWARE), "1111110000"),
        answered(record(scaled(0.9)), "1100000000"),
    ]
    other = answered(record(replace(SOFTWARE, weights="1" * 16)), "1111111111")
    assert gains(tmp_path, SW, other, *stand_ins) == {
        ("SW twin of 16x16", "0.1"): pytest.approx(10.0),
        ("transfer twin of 16x16", "0.1"): pytest.approx(30.0),
        ("SW software x 0.9", "0.1"): pytest.approx(-10.0),
    }
