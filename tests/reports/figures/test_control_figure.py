"""Bars hold the numbers they are named after."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tests.reports.examples import audit, chip

from wordline.reports import control_bars


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (figures.append(figure), save(figure, *a, **k))
    )
    return figures


def test_controls_that_were_measured(tmp_path: Path, kept: list[Figure]) -> None:
    assert control_bars(audit(chip()), tmp_path / "c.pdf").exists()
    left, right = kept[0].axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx([50.0]) and len(
        right.patches
    ) == 1
    assert [label.get_text() for label in left.get_yticklabels()] == ["uniform shrink"]


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`audit` has no measured controls"):
        control_bars(replace(audit(chip()), comparisons=()), tmp_path / "c.png")
