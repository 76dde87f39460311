"""Figures for print, drawn with matplotlib, which is imported by the first one."""

from .accuracy_figure import accuracy_curves
from .advice_figure import advice_figure
from .control_figure import control_bars
from .deviation_figure import deviation_figure
from .stability_figure import stability_figure
from .tile_figure import tile_curves
from .trial_figure import trial_figure

__all__ = [
    "accuracy_curves",
    "advice_figure",
    "control_bars",
    "deviation_figure",
    "stability_figure",
    "tile_curves",
    "trial_figure",
]
