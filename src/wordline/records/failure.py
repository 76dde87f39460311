"""The error of a cell of a study that could not be run."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from ..values import Value

LINES = 8


@dataclass(frozen=True)
class Failure(Value):
    """The error of a cell: its class, its message and the last lines of its traceback.

    >>> str(Failure.of(ValueError("no such tile")))
    'ValueError: no such tile'
    """

    error: str
    message: str
    traceback: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Record an exception."""
        lines = "".join(traceback.format_exception(error)).rstrip().splitlines()
        return cls(type(error).__name__, str(error), tuple(lines[-LINES:]))

    def __str__(self) -> str:
        first = self.message.strip().splitlines()[0] if self.message.strip() else ""
        return f"{self.error}: {first}" if first else self.error
