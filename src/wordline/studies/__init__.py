"""Grids of evaluations that resume."""

from .advise import advise
from .grid import Grid, run_grid
from .journal import Journal, read_records
from .quickstart import quickstart
from .selfcheck import CheckResult, selfcheck

__all__ = ["CheckResult", "Grid", "Journal", "advise", "quickstart", "read_records", "run_grid", "selfcheck"]
