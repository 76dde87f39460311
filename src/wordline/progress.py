"""Long work says how far it is and how long it still takes; a library stays silent unless handed a `Bar`."""

from __future__ import annotations

import abc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int, str], None]  # (units done, a short note such as "loss 0.31")


class AbstractProgress(abc.ABC):
    """Where long work reports to."""

    @abc.abstractmethod
    def task(self, description: str, total: int) -> AbstractContextManager[Advance]:
        """A context that yields `advance(units, note)`."""


class Silent(AbstractProgress):
    """Reports to nobody."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """See `AbstractProgress.task`."""
        yield lambda units, note: None


class Bar(AbstractProgress):
    """A bar on standard error with elapsed and remaining time; plain lines where that is no terminal (`Lines`)."""

    def task(self, description: str, total: int) -> AbstractContextManager[Advance]:
        """See `AbstractProgress.task`."""
        console = Console(stderr=True)
        return _bar(console, description, total) if console.is_terminal else Lines().task(description, total)


class LateBar(AbstractProgress):
    """A bar that appears once work has gone on for `seconds`: what is done at once needs no bar."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """See `AbstractProgress.task`."""
        started, done = self._clock(), 0
        with ExitStack() as stack:
            shown: list[Advance] = []

            def advance(units: int, note: str) -> None:
                nonlocal done
                done += units
                if shown:
                    shown[0](units, note)
                elif self._clock() - started >= self._seconds:
                    shown.append(stack.enter_context(Bar().task(description, total)))
                    shown[0](done, note)

            yield advance


class Lines(AbstractProgress):
    """A line on standard error after every twentieth of the work, and every `seconds`: for log files and pipes.

    A line reads `training vgg8-cifar10: 390/3900, 0:02:05 gone, 0:18:45 left, epoch 1/10  loss 1.413`. The speed counts
    from the first report, so that neither work resumed from an earlier run nor warming up distorts the time left.
    """

    def __init__(
        self, *, share: float = 0.05, seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._seconds = seconds
        self._clock = clock

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        """See `AbstractProgress.task`."""
        started = said_at = self._clock()
        done = said = 0
        first: tuple[float, int] | None = None

        def advance(units: int, note: str) -> None:
            nonlocal done, said, said_at, first
            done += units
            now = self._clock()
            first = first or (now, done)
            due = done - said >= self._share * total or now - said_at >= self._seconds or done >= total
            if done == said or not due:
                return
            said, said_at = done, now
            since, before = first
            fields = [f"{description}: {done}/{total}", f"{_clock(now - started)} gone"]
            if done > before:
                fields.append(f"{_clock((now - since) / (done - before) * max(0, total - done))} left")
            if sys.stderr is not None:
                with suppress(OSError):  # nobody reads any more, which is no reason to stop working
                    sys.stderr.write(", ".join([*fields, *([note] if note else [])]) + "\n")
                    sys.stderr.flush()

        yield advance


@contextmanager
def _bar(console: Console, description: str, total: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(description, total=total, note="")
        yield lambda units, note: bar.update(task, advance=units, note=note)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
