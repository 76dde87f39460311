"""Adversarial loss and accuracy against epsilon, a line a tile size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...records.record import Estimate, Record
from ..chip_mean import mean_over_chips
from ..curves import Curve, curves_of
from ..fields import MISSING, format_field
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "software": "black", "16x16": "tab:blue", "32x32": "tab:orange", "64x64": "tab:green",
    "128x128": "tab:purple",
}  # fmt: skip
LINES = {"SW": "-", "SH": "--", "HH": "-", "BPDA": ":"}
PANEL_FIELDS = ("data", "model", "attack", "loss")


def tile_curves(records: Sequence[Record], path: Path, *, title: str = "") -> Path:
    """Draw AL to the left and AA to the right, a row for every attack, loss, gain and data.

    Colours are tile sizes, dashed lines are transferred attacks (SH). Bars are 95 % intervals over
    images for one chip, and the standard deviation over chips for several, whose mean is drawn.
    `path` is a .png, .pdf or .svg; no record with an epsilon raises ValueError. Returns `path`.
    """
    curves = curves_of(records)
    if not curves:
        raise ValueError("`records` holds no attack with an epsilon; a curve needs them")
    panels = list(dict.fromkeys(_panel(curve) for curve in curves))
    panels = [panel for panel in panels if panel[-1]] or panels  # software beside every gain
    figure = new_figure(8.0, 2.6 * len(panels))
    grid = figure.subplots(len(panels), 2, squeeze=False)
    for (*words, gain), (loss, accuracy) in zip(panels, grid, strict=True):
        inside = [
            curve for curve in curves
            if list(_panel(curve)[:-1]) == words and _panel(curve)[-1] in ("", gain)
        ]  # fmt: skip
        _draw(loss, inside, "loss", "AL = CA - AA, %")
        _draw(accuracy, inside, "adversarial", "AA, %")
        parts = [word for word in (*words, gain) if word not in ("", MISSING)]
        loss.set_title(", ".join(parts), fontsize=9, loc="left")
        accuracy.legend(fontsize=7, ncols=2)
    return save_figure(figure, path, title)


def _draw(axes: Axes, curves: Sequence[Curve], attribute: str, label: str) -> None:
    seen: Counter[str] = Counter()
    for curve in curves:
        tile, setting = format_field(curve.first, "tile"), curve.first.setting
        name = f"{tile} {setting}"
        seen[name] += 1
        number = f" ({seen[name]})" if seen[name] > 1 else ""  # another network, alike in words
        shares = [[getattr(r, attribute) for r in point.records] for point in curve.points]
        heights = [mean_over_chips(chips).value for chips in shares]
        bars = [_bar(chips) for chips in shares]
        axes.errorbar(
            [point.eps for point in curve.points], heights, yerr=tuple(zip(*bars, strict=True)),
            color=COLOURS.get(tile, "tab:brown"), linestyle=LINES.get(setting, ":"),
            marker="s" if setting == "SH" else "o", markersize=3.5, linewidth=1.2,
            elinewidth=0.7, capsize=1.5, label=name + number,
        )  # fmt: skip
    axes.set_ylabel(label)
    axes.set_ylim(-2, 102)
    axes.set_xlabel("epsilon")


def _bar(shares: Sequence[Estimate]) -> tuple[float, float]:
    """Below and above: the interval of one chip, or the standard deviation over several."""
    mean = mean_over_chips(shares)
    if mean.chips > 1:
        return mean.spread, mean.spread
    return max(0.0, mean.value - mean.low), max(0.0, mean.high - mean.value)


def _panel(curve: Curve) -> tuple[str, ...]:
    """The words of a curve's panel; the last is the gain, empty for software."""
    gain = format_field(curve.first, "gain")
    words = [format_field(curve.first, name) for name in PANEL_FIELDS]
    return *words, "" if gain == MISSING else gain
