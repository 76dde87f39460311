"""Long work says how far it is and how long it still takes; a library stays silent unless handed a `Bar`."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int, str], None]  # (units done, a short note such as "loss 0.31")


class AbstractProgress(abc.ABC):
    """Where long work reports to."""

    @abc.abstractmethod
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """A context that yields `advance(units, note)`."""


class Silent(AbstractProgress):
    """Reports to nobody."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """See `AbstractProgress.task`."""
        yield lambda units, note: None


class Bar(AbstractProgress):
    """A bar on standard error with elapsed and remaining time."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """See `AbstractProgress.task`."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(description, total=total, note="")
            yield lambda units, note: bar.update(task, advance=units, note=note)
