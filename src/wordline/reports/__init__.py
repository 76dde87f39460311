"""Records -> tables, figures and a page; runs nothing."""

from .advice import advice_figure
from .bars import control_bars
from .deviation import deviation_figure
from .figures import accuracy_curves
from .general import sheets_of
from .layout import Axis, Layout, Published
from .page import page
from .report import csv_report, latex_report, markdown_report
from .results import Results, read_results
from .stability import stability_figure
from .tile_curves import tile_curves

__all__ = [
    "Axis", "Layout", "Published", "Results", "accuracy_curves", "advice_figure", "control_bars", "csv_report",
    "deviation_figure", "latex_report", "markdown_report", "page", "read_results", "sheets_of", "stability_figure",
    "tile_curves",
]  # fmt: skip
