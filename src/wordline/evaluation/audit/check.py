"""What every check is: one doubt, an id, and a function from the bench to a finding."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

from ...records import Check, Status
from .bench import Bench


@dataclass(frozen=True, eq=False)
class Finding:
    """What a check found: its status, the numbers, and one sentence with them."""

    status: Status
    figures: dict[str, float]
    found: str


class Skip(Exception):  # noqa: N818  # no error: the check does not apply
    """Raised by a check that cannot be asked of this chip, with the reason."""


class AbstractCheck(abc.ABC):
    """One doubt. The docstring of a check says when it is raised and because of what; results carry that text."""

    id: ClassVar[str]
    title: ClassVar[str]
    follows_gradients: ClassVar[bool] = True  # such a check is skipped where the chip gives no usable gradient

    @abc.abstractmethod
    def run(self, bench: Bench) -> Finding:
        """Ask; raises `Skip` where the question makes no sense."""

    def result(self, finding: Finding) -> Check:
        """The finding with its explanation."""
        text = " ".join((type(self).__doc__ or "").split())
        explanation = f"{finding.found} {text}" if text else finding.found
        return Check(self.id, self.title, finding.status, finding.figures, finding.found, explanation)


def raised_if(condition: bool, figures: dict[str, float], found: str, *, warn: bool = False) -> Finding:
    """Fail where the condition holds; else warn or pass."""
    return Finding("fail" if condition else "warn" if warn else "pass", figures, found)


def percent(share: float) -> str:
    """A share as people read it.

    >>> percent(0.0125)
    '1.2 %'
    """
    return f"{100 * share:.1f} %"
