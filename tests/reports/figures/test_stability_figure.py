"""Noise stability is drawn from results alone, with infinite figures and missing layers."""

import dataclasses
import math
from pathlib import Path

import pytest

from wordline.records.noise_stability import (
    LayerStability,
    LogitStability,
    NoiseStability,
    Statistic,
)
from wordline.records.record import NetworkIdentity
from wordline.reports import stability_figure

ONE, ENDLESS = Statistic(2.0, 0.1, 1.9), Statistic(math.inf, math.inf, math.inf)
ROW = LayerStability("conv1", 0, ONE, ONE, ENDLESS, ONE, ONE, ONE, ONE, ONE)
RESULT = NoiseStability(
    chip=NetworkIdentity("Net", "0" * 16), software=NetworkIdentity("Net", "1" * 16),
    data="digits", fingerprint="f", images=3, draws=1, seed=0, probes=16, exact_jacobian=True,
    batch_size=3, threads=1, layers=(ROW, dataclasses.replace(ROW, call=1, snr=ENDLESS)),
    logits=LogitStability(ONE, ONE),
)  # fmt: skip


def test_draws_one_and_several(tmp_path: Path) -> None:
    shorter = dataclasses.replace(RESULT, layers=(dataclasses.replace(ROW, name="other"),))
    for index, results in enumerate(((RESULT,), (RESULT, shorter))):
        path = tmp_path / "deep" / f"{index}.svg"
        assert stability_figure(results, path) == path and path.stat().st_size > 10_000
    text = stability_figure(
        (RESULT, shorter), tmp_path / "n.svg", names=("vanilla", "hardened")
    ).read_text()
    assert "<!-- vanilla -->" in text and "<!-- hardened -->" in text
    assert (
        "<!-- conv1 (call 2) -->" in text and "<!-- other -->" in text and "<!-- logits -->" in text
    )


def test_decibels() -> None:
    assert ROW.snr_db == pytest.approx(10 * math.log10(2))
    assert dataclasses.replace(ROW, snr=ENDLESS).snr_db == math.inf
    assert dataclasses.replace(ROW, snr=Statistic(0.0, 0.0, 0.0)).snr_db == -math.inf


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`results` is empty"):
        stability_figure((), tmp_path / "x.png")
    with pytest.raises(ValueError, match="`names` must be one for each of the 1 results, got 2"):
        stability_figure((RESULT,), tmp_path / "x.png", names=("a", "b"))
