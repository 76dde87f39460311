"""Advice, for print: what every crossbar keeps, and what it costs."""

from __future__ import annotations

from pathlib import Path

from ..records import Advice
from ..records.record import fraction
from .figure_file import write_figure

MARKERS = "osD^vP*X"


def advice_figure(advice: Advice, path: Path) -> Path:
    """Robust against clean accuracy, and robust accuracy against ADC conversions; a colour a network, a marker a tile.

    Filled: keeps clean accuracy; ringed: and is not dominated. Numbers are ADC bits, a star is software, a dotted line
    the bound. `path` is a .png, .pdf or .svg. Returns `path`.
    """
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    figure = Figure(figsize=(11.0, 4.5), layout="constrained")
    accuracy, cost = figure.subplots(1, 2, sharey=True)
    tiles = sorted({option.tile for option in advice.options})
    for index, name in enumerate(dict.fromkeys(option.network for option in advice.options)):
        own, colour = [option for option in advice.options if option.network == name], f"C{index}"
        clean, robust = 100 * own[0].software_clean, 100 * own[0].software_robust
        accuracy.plot([clean], [robust], "*", color=colour, markersize=12, label=f"{name}, software")
        accuracy.axvline(clean - 100 * advice.within, color=colour, linestyle=":", linewidth=1)
        for option in own:
            style = {
                "marker": MARKERS[tiles.index(option.tile) % len(MARKERS)], "color": colour, "linestyle": "none",
                "markerfacecolor": colour if option.keeps else "none", "alpha": 1.0 if option.keeps else 0.5,
            }  # fmt: skip
            for axes, x in ((accuracy, 100 * option.clean.value), (cost, option.conversions)):
                y = 100 * option.robust.value
                axes.plot([x], [y], **style)
                if option in advice.best:
                    axes.plot([x], [y], "o", color="black", markerfacecolor="none", markersize=13)
                if option.adc_bits:
                    axes.annotate(f" {option.adc_bits}", (x, y), fontsize=7)
    for place, tile in enumerate(tiles):
        cost.plot([], [], MARKERS[place % len(MARKERS)], color="grey", label=f"{tile[0]} x {tile[1]}")
    accuracy.set_xlabel("clean accuracy %")
    accuracy.set_ylabel(f"accuracy % under the worst attack, Linf {fraction(advice.eps)}")
    cost.set_xlabel("ADC conversions of one inference")
    cost.ticklabel_format(axis="x", scilimits=(-3, 4))
    for axes in (accuracy, cost):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.suptitle(f"{advice.images} images of {advice.data or 'data'}; ringed: worth choosing from", fontsize=10)
    return write_figure(figure, path)
