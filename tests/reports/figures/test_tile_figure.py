"""Curves per tile size pass through the records, and chips of one design through their mean."""

import dataclasses
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tests.reports.examples import SOFTWARE, chip, record, two_chips

import wordline as wl
from wordline.reports import tile_curves


def test_both_sides_hold_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (kept.append(figure), save(figure, *a, **k))
    )
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    records = [record(eps=0.2, attacked=0.2), *two_chips(), record(other, attacked=0.4)]
    assert tile_curves(records, tmp_path / "deep" / "t.png", title="t").exists()
    loss, accuracy = kept[0].axes
    drawn = {c.get_label(): c.lines[0].get_xydata().round(6).tolist() for c in loss.containers}
    assert drawn == {
        "software SW": [[0.1, 40.0], [0.2, 70.0]], "16x16 SH": [[0.1, 25.0]],
        "software SW (2)": [[0.1, 50.0]],
    }  # fmt: skip
    shown = {c.get_label(): c for c in accuracy.containers}
    assert shown["16x16 SH"].lines[0].get_ydata()[0] == pytest.approx(65.0)
    (bar,) = shown["16x16 SH"].lines[2][0].get_segments()
    assert bar[1][1] - bar[0][1] == pytest.approx(
        2 * 50**0.5
    )  # the deviation over two chips, both ways
    (bar,) = shown["software SW (2)"].lines[2][0].get_segments()
    assert bar[:, 1].tolist() == pytest.approx([35.0, 45.0])  # one network: its interval


def test_software_stands_beside_every_gain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: kept.append(figure))
    fitted = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())
    tile_curves(
        [*two_chips(), record(dataclasses.replace(chip(), crossbar=fitted))], tmp_path / "t.png"
    )
    assert [[c.get_label() for c in axes.containers] for axes in kept[0].axes[::2]] == [
        ["software SW", "16x16 SH"], ["software SW", "16x16 HH"],
    ]  # fmt: skip


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`records` holds no attack with an epsilon"):
        tile_curves([], tmp_path / "t.png")
