"""The picture of gains: points at their places, bars of the gain, twins joined, the line drawn."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from tests.reports.examples import SOFTWARE, answered, chip, gains_and_twins, record, two_chips
from tests.reports.figures.test_control_figure import kept as kept

from wordline.reports import trial_figure
from wordline.reports.advantages import advantage_points
from wordline.reports.figures.design_colours import OF_TILES


@pytest.fixture
def panels(tmp_path: Path, kept: list[Figure]) -> Figure:
    assert trial_figure(gains_and_twins(), tmp_path / "deep" / "a.svg").exists()
    return kept[0]


def test_points_stand_at_lost_accuracy_and_advantage(panels: Figure) -> None:
    """Software: CA 90, AL 60; chips: CA 70 and 60, AL 20 twice; twins: CA 80 and 70, AL 30, 40."""
    for axes in panels.axes:
        places = [tuple(c.lines[0].get_xydata()[0].round(6)) for c in axes.containers]
        assert places == [(20, 40), (30, 40), (10, 30), (20, 20)]
        assert {to_hex(c.lines[0].get_color()).upper() for c in axes.containers} == {OF_TILES[16]}
        faces = [c.lines[0].get_markerfacecolor() for c in axes.containers]
        assert [face == "white" for face in faces] == [False, False, True, True]


def test_a_bar_is_the_interval_of_the_gain_above_the_line(panels: Figure) -> None:
    container = panels.axes[0].containers[0]
    (bar,) = container.lines[2][0].get_segments()
    gain = advantage_points(gains_and_twins())[0].gain.gain
    above_the_line = bar[:, 1] - bar[:, 0]
    assert above_the_line.tolist() == pytest.approx([100 * gain.low, 100 * gain.high])


def test_lines_join_twins_and_the_sweep_begins_at_software(panels: Figure) -> None:
    paths = [line.get_xydata().round(6).tolist() for line in panels.axes[0].lines]
    assert [[10, 30], [20, 40]] in paths and [[20, 20], [30, 40]] in paths
    assert [[10, 20], [0, 0]] in paths  # software x 0.9 loses 10 and gains 10
    (identity,) = (line for line in panels.axes[0].lines if hasattr(line, "get_slope"))
    assert identity.get_slope() == 1 and identity.get_xy1() == (0, 0)
    words = [text.get_text() for text in panels.axes[0].texts]
    assert words == ["x 0.9", "on the line: lost accuracy", "above the line: robustness"]


def test_the_legend_stands_outside_and_names_what_is_there(panels: Figure) -> None:
    (legend,) = panels.legends
    words = " | ".join(text.get_text() for text in legend.get_texts())
    assert words == (
        "16x16 | FGSM 0.1 margin | chip; bar: 95 % interval of its gain | its attenuated twin | "
        "software x factor, FGSM 0.1 margin"
    )
    assert [axes.get_title() for axes in panels.axes] == ["white-box", "transferred"]
    below = legend.get_window_extent().y1
    assert all(axes.get_window_extent().y0 > below for axes in panels.axes)


def test_every_network_has_panels_of_its_own(tmp_path: Path, kept: list[Figure]) -> None:
    other = replace(SOFTWARE, weights="1" * 16, network="Other")
    second = answered(record(other), "1111111111", "1000000000")
    moved = answered(record(chip(5, weights="of other"), other), "1111111111", "1100000000")
    trial_figure([*gains_and_twins(), second, moved], tmp_path / "a.png")
    assert [axes.get_title() for axes in kept[0].axes] == [
        "white-box: Net, digits", "transferred: Net, digits",
        "white-box: Other, digits", "transferred: Other, digits",
    ]  # fmt: skip
    assert [len(axes.containers) for axes in kept[0].axes] == [4, 4, 0, 1]


def test_nothing_to_pair_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`records` holds no chip that can be paired"):
        trial_figure(two_chips(), tmp_path / "a.png")
