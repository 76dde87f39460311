"""Checks of a chip's robustness, one file each, and the verdict."""

from ...records import Audit, Budget, Check, Comparison, comparison_table
from .check import AbstractCheck, Finding
from .run import audit
from .verdict import VERDICTS, decide

__all__ = [
    "VERDICTS",
    "AbstractCheck",
    "Audit",
    "Budget",
    "Check",
    "Comparison",
    "Finding",
    "audit",
    "comparison_table",
    "decide",
]
