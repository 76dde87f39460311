"""The options of an advice: accuracy that each crossbar keeps, and its cost."""

from __future__ import annotations

from pathlib import Path

from ...records import Advice
from ...records.record import fraction
from .figure_file import new_figure, save_figure

MARKERS = "osD^vP*X"


def advice_figure(advice: Advice, path: Path) -> Path:
    """Draw robust against clean accuracy, and robust accuracy against ADC conversions.

    A colour a network, a marker a tile. Filled: keeps clean accuracy; ringed: and is not
    dominated. Numbers are ADC bits, a star is software, a dotted line the bound. `path` is a .png,
    .pdf or .svg. Returns `path`.
    """
    figure = new_figure(11.0, 4.5)
    accuracy, cost = figure.subplots(1, 2, sharey=True)
    tiles = sorted({option.tile for option in advice.options})
    markers = {tile: MARKERS[index % len(MARKERS)] for index, tile in enumerate(tiles)}
    for index, name in enumerate(dict.fromkeys(option.network for option in advice.options)):
        own = [option for option in advice.options if option.network == name]
        colour = f"C{index}"
        clean, robust = 100 * own[0].software_clean, 100 * own[0].software_robust
        label = f"{name}, software"
        accuracy.plot([clean], [robust], "*", color=colour, markersize=12, label=label)
        bound = clean - 100 * advice.within
        accuracy.axvline(bound, color=colour, linestyle=":", linewidth=1)
        for option in own:
            style = {
                "marker": markers[option.tile], "color": colour, "linestyle": "none",
                "markerfacecolor": colour if option.keeps else "none",
                "alpha": 1.0 if option.keeps else 0.5,
            }  # fmt: skip
            y = 100 * option.robust.value
            for axes, x in ((accuracy, 100 * option.clean.value), (cost, option.conversions)):
                axes.plot([x], [y], **style)
                if option in advice.best:
                    ring = {"color": "black", "markerfacecolor": "none", "markersize": 13}
                    axes.plot([x], [y], "o", **ring)
                if option.adc_bits:
                    axes.annotate(f" {option.adc_bits}", (x, y), fontsize=7)
    for tile, marker in markers.items():
        cost.plot([], [], marker, color="grey", label=f"{tile[0]} x {tile[1]}")
    accuracy.set_xlabel("clean accuracy %")
    accuracy.set_ylabel(f"accuracy % under the worst attack, Linf {fraction(advice.eps)}")
    cost.set_xlabel("ADC conversions of one inference")
    cost.ticklabel_format(axis="x", scilimits=(-3, 4))
    accuracy.legend(fontsize=8)
    cost.legend(fontsize=8)
    images = f"{advice.images} images of {advice.data or 'data'}"
    return save_figure(figure, path, f"{images}; ringed: worth choosing from")
