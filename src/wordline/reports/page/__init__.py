"""The page: one HTML file with tables, interactive figures and commands, for use without a network."""

from .html import html_report
from .reproduce import CommandNames

__all__ = ["CommandNames", "html_report"]
