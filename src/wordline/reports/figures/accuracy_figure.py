"""Accuracy against epsilon, a panel an attack and a design."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...records import AsTrained
from ...records.record import NetworkIdentity, Record
from ..fields import epsilon, format_field, format_value
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE = {
    "SW": ("black", "-", "o"), "SH": ("tab:blue", "--", "s"), "HH": ("tab:red", "-", "^"),
}  # fmt: skip


def accuracy_curves(
    records: Sequence[Record], path: Path, *, title: str = "", chance: float = 0.0
) -> Path:
    """Draw accuracy with 95 % intervals: a column of panels per attack, a row per gain and tile.

    The point at epsilon 0 is clean accuracy; a dotted line is drawn at `chance` above 0. `path` is
    a .png, .pdf or .svg. Returns `path`. Software whose weights stand in for a chip is left out.
    """
    records = [r for r in records if isinstance(r.victim.origin, AsTrained)]
    attacks = list(dict.fromkeys(format_field(record, "attack") for record in records))
    chips = (record.victim for record in records if record.victim.is_chip)
    designs = list(dict.fromkeys(map(_design, chips))) or [""]
    rows, columns = -(-len(designs) // 3) * len(attacks), min(3, len(designs))
    figure = new_figure(3.6 * columns, 2.7 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for index, design in enumerate(designs):
        for offset, attack in enumerate(attacks):
            axes = grid[index // 3 * len(attacks) + offset][index % 3]
            under_attack = [r for r in records if format_field(r, "attack") == attack]
            for setting in STYLE:
                shown = [
                    r for r in under_attack
                    if r.setting == setting and (setting == "SW" or _design(r.victim) == design)
                ]  # fmt: skip
                if shown:
                    _draw(axes, sorted(shown, key=epsilon), setting)
            axes.set_title(f"{attack}, {design}" if design else attack, fontsize=9)
            axes.set_ylim(0, 100)
            if chance > 0:
                axes.axhline(100 * chance, color="grey", linestyle=":", linewidth=1)
    for axes in grid[-1]:
        axes.set_xlabel("epsilon (Linf, images in [0, 1])")
    for row in grid:
        row[0].set_ylabel("accuracy %")
    grid[0][0].legend(fontsize=8)
    return save_figure(figure, path, title)


def _draw(axes: Axes, records: Sequence[Record], setting: str) -> None:
    colour, line, marker = STYLE[setting]
    points = [(0.0, records[0].clean), *((epsilon(r), r.adversarial) for r in records)]
    below = [100 * (share.value - share.low) for _, share in points]
    above = [100 * (share.high - share.value) for _, share in points]
    axes.errorbar(
        [eps for eps, _ in points], [100 * share.value for _, share in points],
        yerr=(below, above), color=colour, linestyle=line, marker=marker, markersize=3.5,
        linewidth=1.2, elinewidth=0.7, capsize=1.5, label=setting,
    )  # fmt: skip


def _design(chip: NetworkIdentity) -> str:
    return f"{format_value(chip.tile)} {chip.gain}"
