"""Golden numbers: what stands in the cells of a table, worked out by hand."""

import dataclasses
import math
from pathlib import Path

import pytest
from tests.reports.examples import (
    SOFTWARE,
    audit,
    chip,
    folder,
    record,
    shared_layer,
    stability,
    twin,
    two_chips,
)

import wordline as wl
from wordline.records import Audit
from wordline.records.record import Record
from wordline.reports import Axis, Layout, NamedAudit, Published, Results, read_results, tables_of
from wordline.reports.table import NO_ENTRY, Table, json_entries
from wordline.reports.tabulate import tabulate
from wordline.values import encode

ROWS, COLUMNS = Axis("crossbar", ("tile", "setting")), Axis("epsilon", ("eps",))
PUBLISHED = (
    Published("p", "T", "16x16 SH", "0.1", 24.0), Published("p", "T", "software SW", "0.1", 41.5),
    Published("p", "T", "64x64 SH", "0.1", 20.0),
)  # fmt: skip
LAYOUT = Layout("T", "AL", ROWS, COLUMNS, published=PUBLISHED)


def results_of(records: list[Record], *audits: Audit) -> Results:
    named = [NamedAudit("", made) for made in audits]
    return Results("r", records={str(i): r for i, r in enumerate(records)}, audits=named)


def table_of(records: list[Record], layout: Layout = LAYOUT) -> Table:
    return tabulate(layout, results_of(records))


def test_one_chip_has_its_own_interval() -> None:
    entry = table_of(two_chips()).entry("software SW", "0.1")
    assert entry.ours == pytest.approx(40.0)
    assert (entry.mean.low, entry.mean.high) == pytest.approx((35.0, 45.0))
    assert entry.difference == pytest.approx(-1.5)
    assert entry.mean.chips == 1 and math.isnan(entry.mean.spread)


def test_several_chips_are_a_mean_and_a_deviation() -> None:
    entry = table_of(two_chips()).entry("16x16 SH", "0.1")
    assert entry.ours == pytest.approx(25.0) and entry.mean.chips == 2
    assert entry.mean.spread == pytest.approx(
        math.sqrt(50.0)
    )  # of 20 and 30, one degree of freedom
    # the chips see the same images: the interval is no narrower
    assert (entry.mean.low, entry.mean.high) == pytest.approx((20.0, 30.0))
    assert entry.difference == pytest.approx(1.0)


def test_the_papers_rows_come_first_and_stay_where_nothing_was_run() -> None:
    table = table_of([*two_chips(), record(chip(0, 32), SOFTWARE)])
    assert table.rows == ("16x16 SH", "software SW", "64x64 SH", "32x32 SH")
    empty = table.entry("64x64 SH", "0.1")
    assert math.isnan(empty.ours) and empty.published == 20.0
    assert table.entry("64x64 SH", "9") is NO_ENTRY


def test_order_names_and_where() -> None:
    rows = Axis("", ("tile",), order=("software", "16x16"), names=(("16x16", "N = 16"),))
    layout = Layout("T", "CA", rows, COLUMNS, where=(("eps", "0.2"),))
    table = table_of([record(chip(), eps=0.2, clean=0.8), record(eps=0.2), record(eps=0.3)], layout)
    assert table.rows == ("software", "N = 16") and table.columns == ("0.2",)
    assert table.entry("N = 16", "0.2").ours == pytest.approx(80.0)


def test_software_stands_beside_every_gain() -> None:
    layout = dataclasses.replace(LAYOUT, published=(), where=(("gain", "LeastSquaresGain"),))
    assert table_of(two_chips(), layout).rows == ("software SW",)


def test_records_unlike_in_more_than_the_chip_are_not_averaged() -> None:
    mixed = [record(), record(attack=wl.FGSM(eps=0.1, loss="cross-entropy"))]
    with pytest.raises(ValueError, match=r"puts records into the entry .* differ in 'attack.loss'"):
        table_of(mixed)
    twice = [record(chip(0)), dataclasses.replace(record(chip(0, weights="other")), seed=1)]
    with pytest.raises(ValueError, match="`layout` 'T' finds two records of one seed in the entry"):
        table_of(twice)


def test_chips_of_two_networks_are_not_averaged() -> None:
    """White-box records do not say whose chips they are; transfer records at another epsilon do."""
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    white = [record(chip(0)), record(chip(1))]
    assert table_of(white).entry("16x16 HH", "0.1").mean.chips == 2
    with pytest.raises(
        ValueError, match="puts chips of two networks into the entry .'16x16 HH', '"
    ):
        table_of([*white, record(chip(0), SOFTWARE, eps=0.2), record(chip(1), other, eps=0.3)])


def test_an_audit_speaks_of_its_chip_alone() -> None:
    audits = audit(chip(0)), audit(chip(0), eps=0.3, verdict="other"), audit(chip(5))
    swept = [*two_chips(), record(chip(0), SOFTWARE, eps=0.2)]
    table = tabulate(LAYOUT, results_of(swept, *audits))
    assert table.entry("16x16 SH", "0.1").audit == "masking detected (1 of 2 chips)"
    assert table.entry("16x16 SH", "0.2").audit == "masking detected (at 0.1)"
    assert table.entry("software SW", "0.1").audit == ""
    assert table.remark_titles == ("audit",)
    assert table.remarks("16x16 SH") == ["masking detected (1 of 2 chips)"]
    swept = [record(chip(0), SOFTWARE, eps=eps) for eps in (0.2, 0.1, 0.3)]
    alone = tabulate(LAYOUT, results_of(swept, *audits))
    assert alone.audits("16x16 SH") == "masking detected; other"


def test_without_a_study_there_is_the_default_table(tmp_path: Path) -> None:
    (table,) = tables_of(read_results(folder(tmp_path, two_chips())))
    assert table.rows == ("SW software", "SH 16x16 UnitGain")
    assert table.columns == ("CA", "AA", "AL", "ASR")
    assert table.entry("SH 16x16 UnitGain", "AA").ours == pytest.approx(65.0)
    assert "attack FGSM" in table.note and "10 images" in table.note


def test_the_default_table_tells_apart_what_its_words_do_not() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    twice = [record(chip(0)), record(chip(0, weights="b"), clean=0.8)]
    (table,) = tables_of(results_of([record(), record(other), *twice]))
    assert len(set(table.rows)) == 4
    assert any("9999" in row for row in table.rows)  # the weights say which software it is
    assert {table.entry(row, "CA").mean.chips for row in table.rows} == {1}


def test_entries_as_json() -> None:
    entries = json_entries(table_of(two_chips()))
    assert entries[0]["row"] == "16x16 SH" and entries[0]["difference"] == pytest.approx(1.0)
    assert entries[2]["ours"] is None and entries[2]["difference"] is None


def test_nothing_makes_no_table() -> None:
    assert tables_of(Results("r")) == []


def test_every_layer_is_a_number_of_its_own(tmp_path: Path) -> None:
    """SNR of three layers: infinite, 20 dB and 10 dB; and one layer called three times."""
    rows, columns = Axis("layer", ("layer",)), Axis("network", ("model",))
    layout = Layout("SNR", "SNR of a layer", rows=rows, columns=columns)
    table = tabulate(layout, read_results(folder(tmp_path / "a", [], encode(stability()))))
    assert {row: entry.ours for (row, _), entry in table.entries.items()} == {
        "conv1": math.inf, "conv2": 20.0, "fc": 10.0,
    }  # fmt: skip
    calls = tabulate(layout, read_results(folder(tmp_path / "b", [], encode(shared_layer()))))
    assert calls.rows == ("relu", "relu (call 2)")  # the third has no signal: no decibels
    assert tabulate(layout, read_results(folder(tmp_path / "c", two_chips()))).rows == ()


def test_twins_are_told_apart_by_their_chips(tmp_path: Path) -> None:
    """A twin has no seed of its own."""
    layout = Layout("T", "AL", rows=ROWS, columns=COLUMNS)
    twins = [record(twin(seed), attacked=0.7 - seed / 10) for seed in (0, 1)]
    (row,) = (tabulate(layout, read_results(folder(tmp_path, twins))).entries).values()
    assert row.mean.chips == 2 and row.ours == pytest.approx(25.0)
