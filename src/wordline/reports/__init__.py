"""Reports of results that are there already: tables, figures and one offline page."""

from .audit_notes import NamedAudit
from .csv_table import csv_report
from .default_table import tables_of
from .figures import (
    accuracy_curves,
    advice_figure,
    control_bars,
    deviation_figure,
    stability_figure,
    tile_curves,
    trial_figure,
)
from .gains_table import gains_table
from .latex import latex_report
from .layout import Axis, Layout, Published
from .markdown import markdown_report
from .page import html_report
from .pools import Pool, pools_of
from .quantities import QUANTITIES, Quantity, register_quantity
from .results import Results, read_results

__all__ = [
    "QUANTITIES",
    "Axis",
    "Layout",
    "NamedAudit",
    "Pool",
    "Published",
    "Quantity",
    "Results",
    "accuracy_curves",
    "advice_figure",
    "control_bars",
    "csv_report",
    "deviation_figure",
    "gains_table",
    "html_report",
    "latex_report",
    "markdown_report",
    "pools_of",
    "read_results",
    "register_quantity",
    "stability_figure",
    "tables_of",
    "tile_curves",
    "trial_figure",
]
