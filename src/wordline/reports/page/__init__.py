"""One offline HTML page: tables, interactive figures, audits, chips, and commands."""

from .html import html_report
from .reproduce import CommandNames

__all__ = ["CommandNames", "html_report"]
