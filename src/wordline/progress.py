"""Progress of long work with the time left; a library stays silent unless handed a `Bar`."""

from __future__ import annotations

import abc
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import final

Advance = Callable[[int, str], None]  # (units done, a short note such as "loss 0.31")


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
@dataclass(frozen=True, kw_only=True)
class Bar(AbstractProgress):
    """Bar on standard error with elapsed and remaining time; plain `Lines` if that is no terminal.

    It appears once the work has taken `delay` seconds: short work needs no bar.
    """

    delay: float = 0.0
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        from rich import progress as rich  # only needed once there is work to show
        from rich.console import Console

        with ExitStack() as shown:
            console = Console(stderr=True)
            if not console.is_terminal:
                lines = Lines(delay=self.delay, clock=self.clock)
                yield shown.enter_context(lines.task(description, total))
                return
            bar = rich.Progress(
                "{task.description}", rich.BarColumn(bar_width=24), rich.MofNCompleteColumn(),
                rich.TimeElapsedColumn(), "left", rich.TimeRemainingColumn(),
                "{task.fields[note]}", console=console, transient=True, get_time=self.clock,
            )  # fmt: skip
            bar.add_task(description, total=total, note="")
            (task,) = bar.tasks

            def advance(units: int, note: str) -> None:
                bar.update(task.id, advance=units, note=note)
                if not bar.live.is_started and (task.elapsed or 0.0) >= self.delay:
                    shown.enter_context(bar)

            advance(0, "")
            yield advance


@final
@dataclass(frozen=True, kw_only=True)
class Lines(AbstractProgress):
    """Lines on standard error, after every `share` of the work and every `seconds`, for log files.

    A line reads `training vgg8-cifar10: 390/3900, 0:02:05 gone, 0:18:45 left, epoch 1/10  loss
    1.4`. The speed counts from the first report, so that neither work resumed from an earlier run
    nor warming up distorts the time left.
    """

    share: float = 0.05
    seconds: float = 30.0
    delay: float = 0.0
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        from rich.progress import Progress

        # never started: it only counts, and estimates the time left
        meter = Progress(get_time=self.clock, speed_estimate_period=math.inf)
        meter.add_task(description, total=total)
        (task,) = meter.tasks
        last_done, last_time = 0.0, self.clock()

        def advance(units: int, note: str) -> None:
            nonlocal last_done, last_time
            meter.update(task.id, advance=units)
            gone, done, now = task.elapsed or 0.0, task.completed, self.clock()
            due = done - last_done >= self.share * total or now - last_time >= self.seconds
            if done == last_done or gone < self.delay or not (due or task.finished):
                return
            last_done, last_time = done, now
            fields = [f"{description}: {done:.0f}/{total}", f"{_clock_time(gone)} gone"]
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
