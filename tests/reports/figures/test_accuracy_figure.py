"""Figures hold the numbers of their records."""

import dataclasses
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

import wordline as wl
from wordline.records import Attenuated
from wordline.records.record import Estimate, NetworkIdentity, Record
from wordline.reports import accuracy_curves

SOFTWARE = NetworkIdentity("Net", "0" * 16)
CHIP = NetworkIdentity("Net", "1" * 16, wl.Crossbar.preset("rethinking-16"), 0)


def record(victim: NetworkIdentity, source: NetworkIdentity, eps: float, accuracy: float) -> Record:
    share = Estimate(accuracy, accuracy - 0.05, accuracy + 0.05)
    return Record(
        victim=victim, source=source, attack=wl.FGSM(eps=eps), data="x", fingerprint="f", images=10,
        clean=Estimate(0.9, 0.8, 0.95), adversarial=share, loss=share, success=share,
        largest_change=eps, seed=0, draws=1, batch_size=10, threads=1, versions={},
    )  # fmt: skip


def test_curves_pass_through_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        record(SOFTWARE, SOFTWARE, 0.2, 0.1),
        record(SOFTWARE, SOFTWARE, 0.1, 0.5),
        record(CHIP, SOFTWARE, 0.1, 0.6),
    ]
    kept = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (kept.append(figure), save(figure, *a, **k))
    )
    path = accuracy_curves(records, tmp_path / "deep" / "figure.png", title="t")
    axes = kept[0].axes[0]
    drawn = [container.lines[0].get_xydata().tolist() for container in axes.containers]
    assert drawn[0] == [[0.0, 90.0], [0.1, 50.0], [0.2, 10.0]]  # SW, sorted, clean accuracy first
    assert drawn[1] == [[0.0, 90.0], [0.1, 60.0]]  # SH
    assert [container.get_label() for container in axes.containers] == ["SW", "SH"]
    assert Image.open(path).size[0] > 300


def test_software_alone_makes_a_figure(tmp_path: Path) -> None:
    assert accuracy_curves([record(SOFTWARE, SOFTWARE, 0.1, 0.5)], tmp_path / "f.svg").exists()


def test_settings_and_words_of_a_record() -> None:
    pairs = {"SW": (SOFTWARE, SOFTWARE), "SH": (CHIP, SOFTWARE), "HH": (CHIP, CHIP)}
    assert [record(*pair, 0.1, 0.5).setting for pair in pairs.values()] == list(pairs)
    other = dataclasses.replace(SOFTWARE, weights="2" * 16)
    assert record(SOFTWARE, other, 0.1, 0.5).setting == "transfer"
    assert record(CHIP, SOFTWARE, 8 / 255, 0.5).row()[1:3] == (
        "chip 16x16 UnitGain #0",
        "FGSM 8/255 margin",
    )


def test_a_line_at_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: kept.append(figure))
    accuracy_curves([record(SOFTWARE, SOFTWARE, 0.1, 0.5)], tmp_path / "f.png", chance=0.25)
    accuracy_curves([record(SOFTWARE, SOFTWARE, 0.1, 0.5)], tmp_path / "f.png")
    dotted = [
        [line.get_ydata()[0] for line in f.axes[0].lines if line.get_linestyle() == ":"]
        for f in kept
    ]
    assert dotted == [[25.0], []]


def test_software_that_stands_in_for_a_chip_is_no_point_of_softwares_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = NetworkIdentity("Net", "2" * 16, origin=Attenuated(SOFTWARE, CHIP))
    records = [record(SOFTWARE, SOFTWARE, 0.1, 0.5), record(twin, twin, 0.2, 0.7)]
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: kept.append(figure))
    accuracy_curves(records, tmp_path / "figure.png")
    (curve,) = kept[0].axes[0].containers
    assert curve.lines[0].get_xydata().tolist() == [[0, 90], [0.1, 50]]
