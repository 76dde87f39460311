"""Layouts of arXiv 2008.11298."""

from __future__ import annotations

import pytest

from wordline.papers.rethinking_2008_11298_tables import figure_layout, table_layout

PUBLISHED = {"software SW": (49.8, 58.5), "16x16 SH": (39.8, 48.5), "16x16 HH": (39.0, 47.3)}
GAINS = ("UnitGain", "LeastSquaresGain")


def test_published_numbers_stand_beside_each_gain() -> None:
    layout = table_layout("Table I", "cross-entropy", PUBLISHED, (0.05, 8 / 255), GAINS)
    assert layout.rows.order == (
        "software SW", "16x16 SH UnitGain", "16x16 HH UnitGain", "16x16 SH LeastSquaresGain",
        "16x16 HH LeastSquaresGain",
    )  # fmt: skip
    assert layout.columns.order == ("0.05", "8/255") and layout.where == (
        ("loss", "cross-entropy"),
    )
    found = {(p.row, p.column): p.value for p in layout.published}
    assert len(found) == len(layout.published) == 5 * 2
    assert (
        found["16x16 HH UnitGain", "8/255"] == found["16x16 HH LeastSquaresGain", "8/255"] == 47.3
    )
    assert {(p.source, p.table) for p in layout.published} == {
        ("arXiv 2008.11298", "Table I, cross-entropy loss, AL")
    }
    assert (
        not layout.note
        and "cross-entropy" in table_layout("Table I", "margin", PUBLISHED, (1, 2), GAINS).note
    )
    with pytest.raises(ValueError, match="zip"):
        table_layout("Table I", "margin", PUBLISHED, (0.05,), GAINS)
    beside = table_layout("Table I", "margin", PUBLISHED, (0.05, 0.1), GAINS, "CA")
    assert (
        beside.published == ()
        and beside.quantity == "CA"
        and beside.rows.order == layout.rows.order
    )


def test_rows_of_a_figure_are_named_after_their_data() -> None:
    layout = figure_layout(
        "Fig 5", "AA", {"cifar100": "VGG16", "cifar10": "STAND-IN"}, (0.05,), (16, 32), GAINS
    )
    assert layout.title == "Fig 5, AA (rows of CIFAR-10 are a stand-in)" and layout.quantity == "AA"
    named = dict(layout.rows.names)
    assert len(named) == 2 * (1 + 2 * 2 * 2) and layout.rows.order == tuple(named)
    assert named["cifar100 software SW"] == "VGG16: software SW"
    assert named["cifar10 32x32 HH LeastSquaresGain"] == "STAND-IN: 32x32 HH LeastSquaresGain"
    assert layout.rows.order[1] == "cifar100 16x16 SH UnitGain" and layout.columns.order == (
        "0.05",
    )
