"""Records -> tables, figures and a page; runs nothing."""

from .deviation import deviation_figure
from .figures import accuracy_curves
from .general import sheets_of
from .layout import Axis, Layout, Published
from .page import page
from .report import csv_report, latex_report, markdown_report
from .results import Results, read_results

__all__ = [
    "Axis", "Layout", "Published", "Results", "accuracy_curves", "csv_report", "deviation_figure", "latex_report",
    "markdown_report", "page", "read_results", "sheets_of",
]  # fmt: skip
