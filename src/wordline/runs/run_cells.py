"""Cells into a journal: what is there is skipped, what fails is written down, and one process writes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..files import require_writable
from ..progress import AbstractProgress, Silent
from ..records.record import Record
from ..values import Value
from .cell import AbstractCell
from .executors import AbstractExecutor, Serial
from ..records import Failure
from .journal import Journal
from .store import Place


@dataclass(frozen=True)
class Outcome:
    """What stands in the journal for the cells of a study, in their order; how many were run now; warnings."""

    results: tuple[Value, ...]
    failures: tuple[tuple[str, Failure], ...]
    run: int
    warnings: tuple[str, ...]


def run_cells(
    cells: Sequence[AbstractCell],
    journal: Journal,
    place: Place,
    *,
    executor: AbstractExecutor | None = None,
    study: str = "",
    title: str = "cells",
    progress: AbstractProgress | None = None,
) -> Outcome:
    """Run the cells that the journal lacks, failed ones again; every result is on the disk before the next is awaited.

    Cells of equal content are run once. Which cells there are, and what they are called, is decided here, before
    anything is run: networks are trained and fingerprints taken by this process. A cache that cannot be
    written raises ValueError before all that.
    """
    if place.cache:
        require_writable("cache", Path(place.cache))
    shown = progress or Silent()
    store = place.store(shown)
    pinned = {cell.key: cell for cell in (cell.pinned(store) for cell in cells)}
    missing = [(key, cell) for key, cell in pinned.items() if key not in journal.results]
    del store  # the networks it holds are not needed any more
    warnings: list[str] = []
    with shown.task(title, len(pinned)) as advance:
        if len(missing) < len(pinned):
            advance(len(pinned) - len(missing), "finished before")
        for index, done in (executor or Serial()).run([cell for _, cell in missing], place, study):
            key, cell = missing[index]
            journal.append(key, done.result)
            warnings += [f"{cell.label}: {warning}" for warning in done.warnings]
            advance(1, "; ".join([f"{cell.label}: {_said(done.result)}", *done.warnings]))
    failures = tuple((cell.label, journal.failures[key]) for key, cell in pinned.items() if key in journal.failures)
    results = tuple(journal.results[key] for key in pinned if key in journal.results)
    return Outcome(results, failures, len(missing), tuple(warnings))


def _said(result: Value) -> str:
    if isinstance(result, Record):
        return f"AA {100 * result.adversarial_accuracy:.1f} %"
    return f"FAILED, {result}" if isinstance(result, Failure) else "done"


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Refuse a second process that would write to the same folder; the lock ends with the process, however it ends."""
    require_writable("out", folder)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(f"`out` {str(folder)!r} is being written by another process; choose another") from error
        yield
