"""Progress of long work with the time left; a library stays silent unless handed a `Bar`."""

from __future__ import annotations

import abc
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import final

Advance = Callable[[int, str], None]  # (units done, a short note such as "loss 0.31")
Clock = Callable[[], float]


class AbstractProgress(abc.ABC):
    """Receiver of the progress of long work."""

    @abc.abstractmethod
    def task(self, description: str, total: int) -> AbstractContextManager[Advance]:
        """Open a context that yields `advance(units, note)`."""


@final
class Silent(AbstractProgress):
    """Shows nothing."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        yield lambda units, note: None


@final
class Bar(AbstractProgress):
    """Bar on standard error with elapsed and remaining time; plain `Lines` if that is no terminal.

    It appears once the work has taken `delay` seconds: short work needs no bar.
    """

    def __init__(self, *, delay: float = 0.0, clock: Clock = time.monotonic) -> None:
        self._delay, self._clock = delay, clock

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        from rich import progress as rich  # only needed once there is work to show
        from rich.console import Console

        console = Console(stderr=True)
        if not console.is_terminal:
            with Lines(delay=self._delay, clock=self._clock).task(description, total) as advance:
                yield advance
            return
        columns = (
            "{task.description}", rich.BarColumn(bar_width=24), rich.MofNCompleteColumn(),
            rich.TimeElapsedColumn(), "left", rich.TimeRemainingColumn(), "{task.fields[note]}",
        )  # fmt: skip
        bar = rich.Progress(*columns, console=console, transient=True, get_time=self._clock)
        bar.add_task(description, total=total, note="")
        (task,) = bar.tasks
        with ExitStack() as shown:

            def show_when_due() -> None:
                if not bar.live.is_started and (task.elapsed or 0.0) >= self._delay:
                    shown.enter_context(bar)

            def advance_bar(units: int, note: str) -> None:
                bar.update(task.id, advance=units, note=note)
                show_when_due()

            show_when_due()
            yield advance_bar


@final
class Lines(AbstractProgress):
    """Lines on standard error, after every `share` of the work and every `seconds`, for log files.

    A line reads `training vgg8-cifar10: 390/3900, 0:02:05 gone, 0:18:45 left, epoch 1/10  loss
    1.4`. The speed counts from the first report, so that neither work resumed from an earlier run
    nor warming up distorts the time left.
    """

    def __init__(
        self,
        *,
        share: float = 0.05,
        seconds: float = 30.0,
        delay: float = 0.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._share, self._seconds, self._delay, self._clock = share, seconds, delay, clock

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        from rich.progress import Progress

        # never started: it only keeps the count and estimates the time left
        meter = Progress(get_time=self._clock, speed_estimate_period=math.inf)
        meter.add_task(description, total=total)
        (task,) = meter.tasks
        last_done, last_time = 0.0, self._clock()

        def advance(units: int, note: str) -> None:
            nonlocal last_done, last_time
            meter.update(task.id, advance=units)
            elapsed, done, now = task.elapsed or 0.0, task.completed, self._clock()
            due = done - last_done >= self._share * total or now - last_time >= self._seconds
            due = (due or task.finished) and elapsed >= self._delay
            if done == last_done or not due:
                return
            last_done, last_time = done, now
            fields = [f"{description}: {done:.0f}/{total}", f"{_clock_time(elapsed)} gone"]
            if task.time_remaining is not None:
                fields.append(f"{_clock_time(task.time_remaining)} left")
            if sys.stderr is not None:
                with suppress(OSError):  # a closed pipe is no reason to stop working
                    sys.stderr.write(", ".join([*fields, *([note] if note else [])]) + "\n")
                    sys.stderr.flush()

        yield advance


def _clock_time(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
