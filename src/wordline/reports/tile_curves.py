"""AL and AA against epsilon, a line a tile size, for print."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..records.record import Record
from ..values import encode
from .fields import Plain, at, curve, estimate, word
from .figure_file import write_figure
from .general import groups_of

COLOURS = {
    "software": "black", "16x16": "tab:blue", "32x32": "tab:orange", "64x64": "tab:green", "128x128": "tab:purple",
}  # fmt: skip
LINES = {"SW": "-", "SH": "--", "HH": "-", "BPDA": ":"}
SIDES = (("loss", "AL = CA - AA, %"), ("adversarial", "AA, %"))


def tile_curves(records: Sequence[Record], path: Path, *, title: str = "") -> Path:
    """Adversarial loss and accuracy against epsilon: left AL, right AA, a row for every attack, loss, gain and data.

    Colours are tile sizes, dashed lines are transferred attacks (SH). Bars are 95 % intervals over images for one
    chip, and the standard deviation over chips for several, whose mean is drawn. `path` is a .png, .pdf or .svg; no
    record with an epsilon is an error. Returns `path`.
    """
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    plains = [encode(record) for record in records]
    groups = [group for group in groups_of(plains) if isinstance(at(group[0], "attack.eps"), int | float)]
    if not groups:
        raise ValueError("`records` holds no attack with an epsilon; a curve needs them")
    panels = list(dict.fromkeys(_panel(group[0]) for group in groups if _gain(group[0])))
    panels = panels or list(dict.fromkeys(_panel(group[0]) for group in groups))
    figure = Figure(figsize=(8.0, 2.6 * len(panels)), layout="constrained")
    for panel, row in zip(panels, figure.subplots(len(panels), 2, squeeze=False), strict=True):
        inside = [
            group for group in groups
            if _panel(group[0])[:-1] == panel[:-1] and _gain(group[0]) in ("", panel[-1])
        ]  # fmt: skip
        for axes, (path_in_record, label) in zip(row, SIDES, strict=True):
            _draw(axes, inside, path_in_record)
            axes.set_ylabel(label)
            axes.set_ylim(-2, 102)
            axes.set_xlabel("epsilon")
            axes.grid(alpha=0.3)
        row[0].set_title(", ".join(part for part in panel if part not in ("", "-")), fontsize=9, loc="left")
        row[1].legend(fontsize=7, ncols=2)
    if title:
        figure.suptitle(title, fontsize=10)
    return write_figure(figure, path)


def _draw(axes: Any, groups: Sequence[Sequence[Plain]], path: str) -> None:
    curves: dict[tuple[str, str, str], list[Sequence[Plain]]] = {}
    for group in groups:
        curves.setdefault((word(group[0], "tile"), word(group[0], "setting"), curve(group[0])), []).append(group)
    said: Counter[tuple[str, str]] = Counter()
    for (tile, setting, _), points in curves.items():
        said[tile, setting] += 1
        again = f" ({said[tile, setting]})" if said[tile, setting] > 1 else ""  # alike in words, another network
        points.sort(key=lambda group: at(group[0], "attack.eps"))
        shares = [[estimate(record, path) for record in group] for group in points]
        values = [100 * statistics.fmean(value for value, _, _ in group) for group in shares]
        bars = [_bar(group, value) for group, value in zip(shares, values, strict=True)]
        axes.errorbar(
            [at(group[0], "attack.eps") for group in points], values, yerr=tuple(zip(*bars, strict=True)),
            color=COLOURS.get(tile, "tab:brown"), linestyle=LINES.get(setting, ":"),
            marker="s" if setting == "SH" else "o", markersize=3.5, linewidth=1.2, elinewidth=0.7, capsize=1.5,
            label=f"{tile} {setting}{again}",
        )  # fmt: skip


def _bar(shares: Sequence[tuple[float, float, float]], mean: float) -> tuple[float, float]:
    """Below and above: the interval of one chip, or the standard deviation over several."""
    if len(shares) > 1:
        spread = 100 * statistics.stdev(value for value, _, _ in shares)
        return spread, spread
    _, low, high = shares[0]
    return max(0.0, mean - 100 * low), max(0.0, 100 * high - mean)


def _gain(record: Plain) -> str:
    """The chip's gain; software has none and stands beside every one."""
    said = word(record, "gain")
    return "" if said == "-" else said


def _panel(record: Plain) -> tuple[str, ...]:
    return (*[word(record, name) for name in ("data", "model", "attack", "loss")], _gain(record))
