"""Golden numbers: what stands in the cells of a table, worked out by hand."""

import dataclasses
import math
from pathlib import Path

import pytest
from tests.reports.made import SOFTWARE, audit, chip, folder, record, shared_layer, stability, two_chips

import wordline as wl
from wordline.records.record import Record
from wordline.reports import Axis, Layout, Published, Results, read_results, sheets_of
from wordline.reports.sheet import Cell, Sheet, lay_out, plain_cells
from wordline.values import encode

ROWS, COLUMNS = Axis("crossbar", ("tile", "setting")), Axis("epsilon", ("eps",))
PUBLISHED = (
    Published("p", "T", "16x16 SH", "0.1", 24.0), Published("p", "T", "software SW", "0.1", 41.5),
    Published("p", "T", "64x64 SH", "0.1", 20.0),
)  # fmt: skip
LAYOUT = Layout("T", "AL", ROWS, COLUMNS, published=PUBLISHED)


def results_of(records: list[Record], *audits: dict) -> Results:
    return Results("r", records={str(i): encode(r) for i, r in enumerate(records)}, audits=list(audits))


def sheet_of(records: list[Record], layout: Layout = LAYOUT) -> Sheet:
    return lay_out(layout, results_of(records))


def test_one_chip_has_its_own_interval() -> None:
    cell = sheet_of(two_chips()).cell("software SW", "0.1")
    assert cell.ours == pytest.approx(40.0) and (cell.low, cell.high) == pytest.approx((35.0, 45.0))
    assert cell.difference == pytest.approx(-1.5)
    assert cell.chips == 1 and math.isnan(cell.spread)


def test_several_chips_are_a_mean_and_a_deviation() -> None:
    cell = sheet_of(two_chips()).cell("16x16 SH", "0.1")
    assert cell.ours == pytest.approx(25.0) and cell.chips == 2
    assert cell.spread == pytest.approx(math.sqrt(50.0))  # of 20 and 30, one degree of freedom
    assert (cell.low, cell.high) == pytest.approx((20.0, 30.0))  # the chips see the same images: no narrower
    assert cell.difference == pytest.approx(1.0)


def test_the_papers_rows_come_first_and_stay_where_nothing_was_run() -> None:
    sheet = sheet_of([*two_chips(), record(chip(0, 32), SOFTWARE)])
    assert sheet.rows == ("16x16 SH", "software SW", "64x64 SH", "32x32 SH")
    assert math.isnan(sheet.cell("64x64 SH", "0.1").ours) and sheet.cell("64x64 SH", "0.1").published == 20.0
    assert sheet.cell("64x64 SH", "9") == Cell() or math.isnan(sheet.cell("64x64 SH", "9").ours)


def test_order_names_and_where() -> None:
    rows = Axis("", ("tile",), order=("software", "16x16"), names=(("16x16", "N = 16"),))
    layout = Layout("T", "CA", rows, COLUMNS, where=(("eps", "0.2"),), decimals=0)
    sheet = sheet_of([record(chip(), eps=0.2, clean=0.8), record(eps=0.2), record(eps=0.3)], layout)
    assert sheet.rows == ("software", "N = 16") and sheet.columns == ("0.2",)
    assert sheet.cell("N = 16", "0.2").ours == pytest.approx(80.0)


def test_software_stands_beside_every_gain() -> None:
    layout = dataclasses.replace(LAYOUT, published=(), where=(("gain", "LeastSquaresGain"),))
    assert sheet_of(two_chips(), layout).rows == ("software SW",)


def test_a_number_of_a_study_of_its_own() -> None:
    records = {"a": {"type": "Own", "chip": encode(chip()), "layers": [{"snr": {"mean": 12.5}}]}}
    layout = Layout("T", "SNR", Axis("", ("tile",)), Axis("", ("seed",)), "dB", 1.0, field="layers.0.snr.mean")
    cell = lay_out(layout, Results("r", records=records)).cell("16x16", "0")
    assert cell.ours == 12.5 and math.isnan(cell.low)


def test_records_unlike_in_more_than_the_chip_are_not_averaged() -> None:
    mixed = [record(), record(attack=wl.FGSM(eps=0.1, loss="cross-entropy"))]
    with pytest.raises(ValueError, match=r"`layout` 'T' puts records into the cell .* differ in 'attack.loss'"):
        sheet_of(mixed)
    twice = [record(chip(0)), dataclasses.replace(record(chip(0, weights="other")), seed=1)]
    with pytest.raises(ValueError, match="`layout` 'T' finds two records of one seed in the cell"):
        sheet_of(twice)


def test_chips_of_two_networks_are_not_averaged() -> None:
    """White-box records do not say whose chips they are; transfer records at another epsilon do."""
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    white = [record(chip(0)), record(chip(1))]
    assert sheet_of(white).cell("16x16 HH", "0.1").chips == 2
    with pytest.raises(ValueError, match="`layout` 'T' puts chips of two networks into the cell .'16x16 HH', '0.1'."):
        sheet_of([*white, record(chip(0), SOFTWARE, eps=0.2), record(chip(1), other, eps=0.3)])


def test_an_audit_speaks_of_its_chip_alone() -> None:
    audits = audit(chip(0)), audit(chip(0), eps=0.3, verdict="other"), audit(chip(5))
    sheet = lay_out(LAYOUT, results_of([*two_chips(), record(chip(0), SOFTWARE, eps=0.2)], *audits))
    assert sheet.cell("16x16 SH", "0.1").flag == "masking detected (1 of 2 chips)"
    assert sheet.cell("16x16 SH", "0.2").flag == "masking detected (at 0.1)"
    assert sheet.cell("software SW", "0.1").flag == ""
    assert sheet.audited and sheet.flags("16x16 SH") == "masking detected (1 of 2 chips)"
    alone = lay_out(LAYOUT, results_of([record(chip(0), SOFTWARE, eps=e) for e in (0.2, 0.1, 0.3)], *audits))
    assert alone.flags("16x16 SH") == "masking detected; other"


def test_without_a_study_there_is_the_general_table(tmp_path: Path) -> None:
    (sheet,) = sheets_of(read_results(folder(tmp_path, two_chips())))
    assert sheet.rows == ("SW software", "SH 16x16 UnitGain") and sheet.columns == ("CA", "AA", "AL", "ASR")
    assert sheet.cell("SH 16x16 UnitGain", "AA").ours == pytest.approx(65.0)
    assert "attack FGSM" in sheet.note and "10 images" in sheet.note


def test_the_general_table_tells_apart_what_its_words_do_not() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    twice = [record(chip(0)), record(chip(0, weights="b"), clean=0.8)]
    (sheet,) = sheets_of(results_of([record(), record(other), *twice]))
    assert len(set(sheet.rows)) == 4
    assert any("9999" in row for row in sheet.rows)  # the weights say which software it is
    assert {sheet.cell(row, "CA").chips for row in sheet.rows} == {1}


def test_cells_as_json() -> None:
    cells = plain_cells(sheet_of(two_chips()))
    assert cells[0]["row"] == "16x16 SH" and cells[0]["difference"] == pytest.approx(1.0)
    assert cells[2]["ours"] is None and cells[2]["difference"] is None


def test_nothing_makes_no_table() -> None:
    assert sheets_of(Results("r")) == []


def test_every_element_of_a_list_is_a_number_of_its_own(tmp_path: Path) -> None:
    """SNR of three layers: infinite, 20 dB and 10 dB; and one layer called three times."""
    layout = Layout(
        "SNR", "SNR", field="each.snr.mean.db", each="layers", unit="dB", scale=1.0, rows=Axis("layer", ("layer",)),
        columns=Axis("network", ("model",)),
    )  # fmt: skip
    sheet = lay_out(layout, read_results(folder(tmp_path / "a", [], stability())))
    assert {row: cell.ours for (row, _), cell in sheet.cells.items()} == {
        "conv1": math.inf, "conv2": 20.0, "fc": 10.0,
    }  # fmt: skip
    calls = lay_out(layout, read_results(folder(tmp_path / "b", [], shared_layer())))
    assert calls.rows == ("relu", "relu (call 2)")  # the third has no signal: no decibels
    assert lay_out(layout, read_results(folder(tmp_path / "c", two_chips()))).rows == ()
