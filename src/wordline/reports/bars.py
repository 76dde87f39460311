"""Bars with names, for print: SNR per layer, and an audit's controls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .fields import Plain, at, estimate, word


def snr_bars(stability: Plain, path: Path) -> Path:
    """Signal-to-noise ratio of every layer of a chip in decibels, 10 log10 of the mean over images.

    `stability`: a NoiseStability as JSON data. A layer without noise, whose ratio is infinite, is named and has no
    bar. Returns `path`.
    """
    layers = [(str(layer.get("name", "")), _decibel(layer)) for layer in stability.get("layers", ())]
    if not layers:
        raise ValueError("`stability` has no layers; pass what `wordline` wrote as a NoiseStability")
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    figure = Figure(figsize=(max(4.0, 0.55 * len(layers) + 1.5), 3.0), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(layers)))
    axes.bar(places, [0.0 if math.isinf(value) else value for _, value in layers], color="tab:blue", width=0.65)
    names = [f"{name}\n(no noise)" if math.isinf(value) else name for name, value in layers]
    axes.set_xticks(places, names, rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("SNR, dB")
    axes.grid(axis="y", alpha=0.3)
    chip = {"victim": stability.get("chip") or {}}
    axes.set_title(f"{word(chip, 'model')} {word(chip, 'victim')}", fontsize=9)
    return _save(figure, path)


def control_bars(audit: Plain, path: Path) -> Path:
    """What remains of a chip's advantage under each control: AL advantage and AA gain in points, with 95 % intervals.

    `audit`: an Audit as JSON data. Controls that were not measured are left out. Returns `path`.
    """
    controls = [control for control in audit.get("comparisons", ()) if control.get("measured", True)]
    if not controls:
        raise ValueError("`audit` has no measured controls; run it without --quick, or to its end")
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    figure = Figure(figsize=(9.0, 0.36 * len(controls) + 1.2), layout="constrained")
    names = [str(control.get("name", "")) for control in controls]
    sides = (("advantage", "AL advantage over software, points"), ("robust", "AA gain over software, points"))
    for axes, (part, label) in zip(figure.subplots(1, 2, sharey=True), sides, strict=True):
        _horizontal(axes, names, [estimate(control, part) for control in controls])
        axes.set_xlabel(label)
    figure.suptitle(f"{audit.get('verdict', '')}", fontsize=10)
    return _save(figure, path)


def _horizontal(axes: Any, names: Sequence[str], shares: Sequence[tuple[float, float, float]]) -> None:
    places = list(range(len(names)))
    values = [100 * value for value, _, _ in shares]
    below = [max(0.0, 100 * (value - low)) for value, low, _ in shares]
    above = [max(0.0, 100 * (high - value)) for value, _, high in shares]
    axes.barh(places, values, xerr=(below, above), color="tab:blue", alpha=0.75, height=0.62, capsize=2)
    axes.set_yticks(places, names, fontsize=8)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first control on top


def _decibel(layer: Plain) -> float:
    ratio = at(layer, "snr.mean")
    if isinstance(ratio, dict):
        ratio = float(ratio["float"])
    return math.inf if math.isinf(ratio) else 10 * math.log10(ratio) if ratio > 0 else math.nan


def _save(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
