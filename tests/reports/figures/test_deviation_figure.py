"""The figure of gradient deviation holds the numbers of the result."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

import wordline as wl
from wordline.records.record import NetworkIdentity
from wordline.reports import deviation_figure


def test_the_panels_hold_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = wl.GradientDeviation(
        chip=NetworkIdentity("Net", "1" * 16, wl.Crossbar.preset("rethinking-16"), 0),
        software=NetworkIdentity("Net", "0" * 16), eps=0.1, loss="margin", data="x",
        fingerprint="f", images=3, flat=0.0, cosine=(0.5, 0.52, -0.3),
        sign_agreement=(0.7, 0.8, 0.9), norm_ratio=(10.0, 100.0, 0.0),
        perturbation_difference=(0.1, 0.2, 0.3),
        fractions=(0.0, 1.0), loss_along_software=(1.0, 2.0), loss_along_chip=(1.0, 3.0),
    )  # fmt: skip
    kept = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (kept.append(figure), save(figure, *a, **k))
    )
    assert deviation_figure(result, tmp_path / "deep" / "d.png").exists()
    angles, norms, climbs = kept[0].axes
    assert sum(bar.get_height() for bar in angles.patches) == 6
    assert sum(bar.get_height() for bar in norms.patches) == 2  # a ratio of zero has no logarithm
    assert [line.get_xydata().tolist() for line in climbs.lines] == [
        [[0.0, 1.0], [0.1, 2.0]],
        [[0.0, 1.0], [0.1, 3.0]],
    ]
