"""Bars with names, for print: an audit's controls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .fields import Plain, estimate
from .figure_file import write_figure


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
    return write_figure(figure, path)


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
