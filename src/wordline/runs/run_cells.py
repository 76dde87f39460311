"""The runner: cells into a journal, finished ones skipped, written by one process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..files import require_writable
from ..progress import AbstractProgress, Silent
from ..records import Failure
from ..records.record import Record
from ..values import Value
from .cell import AbstractCell
from .executors import AbstractExecutor, Serial
from .journal import Journal
from .store import Store


@dataclass(frozen=True)
class Outcome:
    """The journal's results for the cells of a study, in their order.

    `failures`: label and Failure of the cells that failed; `run`: number of cells run now.
    """

    results: tuple[Value, ...]
    failures: tuple[tuple[str, Failure], ...]
    run: int
    warnings: tuple[str, ...]


def run_cells(
    cells: Sequence[AbstractCell],
    journal: Journal,
    store: Store,
    *,
    executor: AbstractExecutor | None = None,
    title: str = "cells",
    progress: AbstractProgress | None = None,
) -> Outcome:
    """Run the cells that the journal lacks, failed ones again.

    Every result is on the disk before the next one is awaited. Cells of equal content are run
    once. Cells are pinned by this process and its `store` before any of them runs: networks are
    trained and fingerprints taken here. Without an `executor` the cells run here as well.
    """
    shown = progress or Silent()
    pinned = {cell.key: cell for cell in (cell.pinned(store) for cell in cells)}
    missing = [(key, cell) for key, cell in pinned.items() if key not in journal.results]
    if executor is None:
        executor = Serial(store)
    elif not (isinstance(executor, Serial) and executor.store is store):
        store.release()  # its networks and images are not needed in this process any more
    warnings: list[str] = []
    with shown.task(title, len(pinned)) as advance:
        if len(missing) < len(pinned):
            advance(len(pinned) - len(missing), "finished before")
        for index, done in executor.run([cell for _, cell in missing]):
            key, cell = missing[index]
            journal.append(key, done.result)
            warnings += [f"{cell.label}: {warning}" for warning in done.warnings]
            advance(1, "; ".join([f"{cell.label}: {_summary(done.result)}", *done.warnings]))
    failures = [(c.label, journal.failures[k]) for k, c in pinned.items() if k in journal.failures]
    results = [journal.results[key] for key in pinned if key in journal.results]
    return Outcome(tuple(results), tuple(failures), len(missing), tuple(warnings))


def _summary(result: Value) -> str:
    if isinstance(result, Record):
        return f"AA {100 * result.adversarial_accuracy:.1f} %"
    return f"FAILED, {result}" if isinstance(result, Failure) else "done"


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Refuse a second process that would write to the folder; the lock ends with the process."""
    require_writable("out", folder)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"`out` {str(folder)!r} is being written by another process; choose another"
            ) from error
        yield
