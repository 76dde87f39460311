"""Doubts about a chip's robustness, one small check each, and the verdict."""

from .budget import Budget
from .check import AbstractCheck, Finding
from .result import Audit, Check, Comparison, comparison_table
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
