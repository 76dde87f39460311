"""The table of gains: its numbers, its verdicts, and its place in every format."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from tests.reports.examples import answered, audit_line, chip, folder, gains_and_twins, record

from wordline.reports import (
    Axis,
    Layout,
    csv_report,
    latex_report,
    markdown_report,
    read_results,
    tables_of,
)
from wordline.reports.gains_table import COLUMNS, TITLE, gains_table
from wordline.reports.pools import pools_of
from wordline.values import encode


def test_every_row_sums(tmp_path: Path) -> None:
    results = read_results(folder(tmp_path, gains_and_twins(), audit_line(chip(0))))
    table = gains_table(results.records.values(), audits=results.audits)
    assert table is not None and table.title == TITLE
    assert table.rows == ("HH 16x16 UnitGain, 2 chips", "SW software x 0.9",
                          "SH 16x16 UnitGain, 2 chips", "transfer software x 0.9")  # fmt: skip
    lost, advantage, gain, share, rest, kept = (e.ours for e in table.line(table.rows[0]))
    assert (lost, gain, share, rest, kept) == pytest.approx((25.0, 15.0, 10.0, 5.0, 10.0))
    assert (advantage, gain) == pytest.approx((lost + gain, share + rest))
    mean = table.entry(table.rows[0], "gain").mean
    found = pools_of(gains_and_twins())[0].pooled.gain
    assert (mean.low, mean.high) == pytest.approx((100 * found.low, 100 * found.high))
    assert table.remarks(table.rows[0]) == ["undecided", "masking detected (1 of 2 chips)"]
    assert "FGSM" in table.note and table.note.endswith("10 images")


def test_it_comes_first_in_every_format_where_there_are_twins(tmp_path: Path) -> None:
    results = read_results(folder(tmp_path / "a", gains_and_twins()))
    assert [len(table.columns) for table in tables_of(results)] == [6, 4]
    assert "| HH 16x16 UnitGain, 2 chips | 25.0 [" in markdown_report([results])
    assert "twins' CA less chips' | verdict |" in markdown_report([results])
    assert r"twins' CA less chips' & verdict \\" in latex_report([results])
    rows = [row for row in csv.DictReader(io.StringIO(csv_report([results]))) if row["verdict"]]
    assert [(row["column"], row["verdict"], row["chips"]) for row in rows][:2] == [
        ("gain", "undecided", "2"), ("gain", "undecided", "1"),
    ]  # fmt: skip


def test_a_study_without_twins_keeps_to_its_layout(tmp_path: Path) -> None:
    columns = Axis("eps", ("eps", "setting"))
    layout = Layout("t", "AL", rows=Axis("tile", ("tile",)), columns=columns)
    records = [made for made in gains_and_twins() if made.victim.chip.seed == 0]
    study = {"layout": encode(layout)}
    whole = read_results(folder(tmp_path / "a", records, study=study))
    assert [table.title for table in tables_of(whole)] == [f"{TITLE}: a", "t"]
    kept = [made for made in records if not made.victim.is_twin]
    assert len(tables_of(read_results(folder(tmp_path / "b", kept, study=study)))) == 1


def test_without_twins_three_columns_and_without_pairs_no_table(tmp_path: Path) -> None:
    kept = [made for made in gains_and_twins() if not made.victim.is_twin]
    results = read_results(folder(tmp_path / "a", kept))
    assert [table.columns for table in tables_of(results)][1:] == [COLUMNS[:3]]
    alone = [answered(record(chip()), "1" * 10, "0" * 10)]
    assert len(tables_of(read_results(folder(tmp_path / "b", alone)))) == 1
    assert gains_table(alone) is None
