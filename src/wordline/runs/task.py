"""One cell on one worker: text in, text out, the same lines in this process and in any other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..records import Failure
from ..values import Value, decode, encode
from .cell import AbstractCell
from .store import Store, StoreConfig
from .study import load_study
from .threads import fixed_threads


@dataclass(frozen=True)
class TaskResult(Value):
    """The result of a cell, or its Failure, with the warnings of the store."""

    former_names: ClassVar[tuple[str, ...]] = ("Done",)

    result: Value
    warnings: tuple[str, ...] = ()


def run_task(cell: AbstractCell, store: Store) -> TaskResult:
    """Run a cell with its own number of threads; errors are raised."""
    store.warnings.clear()
    with fixed_threads(cell.threads):
        result = cell.run(store)
    if not isinstance(result, Value):
        kind = type(result).__name__
        raise TypeError(f"`run` of {type(cell).__name__} must return a Value, got {kind}")
    json.dumps(encode(result), allow_nan=False)  # refuses what a journal cannot hold
    return TaskResult(result, tuple(store.warnings))


def try_task(cell: AbstractCell, store: Store) -> TaskResult:
    """Run a cell; an error becomes a Failure, so that the other cells go on."""
    try:
        return run_task(cell, store)
    except Exception as error:
        return TaskResult(Failure.of(error), tuple(store.warnings))


class Worker:
    """The state of a worker process between cells: its store and the classes of the study's file.

    `study`: the file that defines the cells; "" for cells of wordline alone.
    """

    def __init__(self, config: StoreConfig, study: str) -> None:
        if study:
            load_study(Path(study))
        self.store = config.open()

    def __call__(self, cell: str) -> str:
        """Run the cell of a JSON text and return the JSON text of its TaskResult."""
        return try_task(decode(json.loads(cell)), self.store).to_json()
