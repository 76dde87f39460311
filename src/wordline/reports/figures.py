"""Figures from records, for print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..records.record import Record
from .figure_file import write_figure

STYLE = {"SW": ("black", "-", "o"), "SH": ("tab:blue", "--", "s"), "HH": ("tab:red", "-", "^")}


def accuracy_curves(records: Sequence[Record], path: Path, *, title: str = "", chance: float = 0.0) -> Path:
    """Accuracy against epsilon with 95 % intervals: a column of panels per attack, a row per gain and tile size.

    The point at epsilon 0 is clean accuracy; a dotted line is drawn at `chance` above 0. `path` is a .png, .pdf or
    .svg. Returns `path`.
    """
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    attacks = list(dict.fromkeys(type(record.attack).__name__ for record in records))
    designs = list(dict.fromkeys(_design(record) for record in records if record.victim.is_chip)) or [""]
    rows = -(-len(designs) // 3) * len(attacks)
    columns = min(3, len(designs))
    figure = Figure(figsize=(3.6 * columns, 2.7 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for index, design in enumerate(designs):
        for offset, attack in enumerate(attacks):
            axes = grid[index // 3 * len(attacks) + offset][index % 3]
            for setting, (colour, line, marker) in STYLE.items():
                chosen = sorted(
                    (r for r in records if type(r.attack).__name__ == attack and r.setting == setting
                     and (setting == "SW" or _design(r) == design)),
                    key=lambda r: r.attack.eps,  # type: ignore[attr-defined]
                )  # fmt: skip
                if not chosen:
                    continue
                points = [(0.0, chosen[0].clean)] + [(r.attack.eps, r.adversarial) for r in chosen]  # type: ignore[attr-defined]
                values = [100 * e.value for _, e in points]
                below = [100 * (e.value - e.low) for _, e in points]
                above = [100 * (e.high - e.value) for _, e in points]
                axes.errorbar(
                    [eps for eps, _ in points], values, yerr=(below, above), color=colour, linestyle=line,
                    marker=marker, markersize=3.5, linewidth=1.2, elinewidth=0.7, capsize=1.5, label=setting,
                )  # fmt: skip
            axes.set_title(f"{attack}, {design}" if design else attack, fontsize=9)
            axes.grid(alpha=0.3)
            axes.set_ylim(0, 100)
            if chance > 0:
                axes.axhline(100 * chance, color="grey", linestyle=":", linewidth=1)
    for axes in grid[-1]:
        axes.set_xlabel("epsilon (Linf, images in [0, 1])")
    for row in grid:
        row[0].set_ylabel("accuracy %")
    grid[0][0].legend(fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return write_figure(figure, path)


def _design(record: Record) -> str:
    """A chip's tile and gain in words."""
    tile = getattr(record.victim.crossbar, "tile", (0, 0))
    gain = type(getattr(record.victim.crossbar, "gain", None)).__name__
    return f"{tile[0]}x{tile[1]} {gain}"
