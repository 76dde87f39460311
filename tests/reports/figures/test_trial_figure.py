"""The picture holds a point a chip, its twin, the line of lost accuracy, and software's curve."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tests.reports.examples import record, scaled
from tests.reports.figures.test_control_figure import kept as kept
from tests.reports.test_pools import ALL, FIVE, HH, MOVED, SH, SW, TWINS, answered

from wordline.reports import trial_figure


def points(axes) -> list[tuple[float, float, str]]:
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), str(line.get_markerfacecolor()))
        for line in axes.lines
        if line.get_marker() not in ("None", ".", "") and len(line.get_xdata()) == 1
    ]


def test_points_twins_and_curve(tmp_path: Path, kept: list[Figure]) -> None:
    smaller = answered(record(scaled(0.9)), ALL, FIVE)
    results = [SW, *HH, *SH, *TWINS, *MOVED, smaller]
    assert trial_figure(results, tmp_path / "t.png").exists()
    white, moved = kept[0].axes
    assert white.get_title(loc="left").startswith("white-box")
    assert moved.get_title(loc="left").startswith("transferred")
    found = points(white)
    chips = [(x, y) for x, y, face in found if face != "white"]
    twins = [(x, y) for x, y, face in found if face == "white"]
    assert chips == [(pytest.approx(0.0), pytest.approx(10.0))] * 2
    assert twins == [(pytest.approx(0.0), pytest.approx(30.0))] * 2
    (curve,) = (line for line in white.lines if line.get_marker() == ".")
    assert list(curve.get_ydata()) == pytest.approx([30.0, 0.0])
    identity = [line for line in white.lines if line.get_color() == "#444444"]
    assert all(list(line.get_xdata()) == list(line.get_ydata()) for line in identity) and identity


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`results` holds no chip beside its software"):
        trial_figure([SW], tmp_path / "t.png")
