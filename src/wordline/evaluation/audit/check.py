"""The base of every check: an id, a title, and a function from the context to a finding."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

from ...records import Check, Status
from .context import AuditContext


@dataclass(frozen=True, eq=False)
class Finding:
    """The outcome of a check: its status, the numbers, and one sentence with them."""

    status: Status
    figures: dict[str, float]
    found: str


class Skip(Exception):  # noqa: N818  # no error: the check does not apply
    """Raised by a check that does not apply to this chip, with the reason."""


class AbstractCheck(abc.ABC):
    """One check. Its docstring says when it is raised and because of what; results carry that."""

    id: ClassVar[str]
    title: ClassVar[str]
    follows_gradients: ClassVar[bool] = True  # skipped where the chip gives no usable gradient

    @abc.abstractmethod
    def run(self, context: AuditContext) -> Finding:
        """Measure and judge; raises `Skip` where the check does not apply."""

    def result(self, finding: Finding) -> Check:
        """Combine a finding with the explanation of the check."""
        text = " ".join((type(self).__doc__ or "").split())
        explanation = f"{finding.found} {text}" if text else finding.found
        return Check(
            self.id, self.title, finding.status, finding.figures, finding.found, explanation
        )


def fail_if(
    condition: bool, figures: dict[str, float], found: str, *, warn: bool = False
) -> Finding:
    """Fail where the condition holds; else warn or pass."""
    return Finding("fail" if condition else "warn" if warn else "pass", figures, found)


def percent(share: float) -> str:
    """Format a share in percent.

    >>> percent(0.0125)
    '1.2 %'
    """
    return f"{100 * share:.1f} %"
