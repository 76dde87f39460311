"""The result of one self-check of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..text import render_table
from ..values import Value


@dataclass(frozen=True)
class CheckResult(Value):
    """One comparison with an independent answer: its error, and the largest error allowed."""

    name: str
    error: float
    allowed: float

    @property
    def passed(self) -> bool:
        """True if the error is within what is allowed; NaN never is."""
        return self.error <= self.allowed


def render_checks(results: Sequence[CheckResult]) -> str:
    """Render the results as a table."""
    rows = [
        (r.name, f"{r.error:.1e}", f"{r.allowed:.0e}", "pass" if r.passed else "FAIL")
        for r in results
    ]
    return render_table(("check", "error", "allowed", ""), rows)
