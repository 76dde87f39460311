"""Figures for print, drawn with matplotlib, which is imported by the first one."""

from .accuracy_figure import accuracy_curves
from .advantage_figure import advantage_figure
from .advice_figure import advice_figure
from .control_figure import control_bars
from .deviation_figure import deviation_figure
from .stability_figure import stability_figure
from .tile_figure import tile_curves

__all__ = [
    "accuracy_curves",
    "advantage_figure",
    "advice_figure",
    "control_bars",
    "deviation_figure",
    "stability_figure",
    "tile_curves",
]
