"""One cell on one worker: text in, text out, so that serial, process and cluster run the same lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..values import Value, decode, encode
from .cell import AbstractCell
from ..records import Failure
from .store import Place, Store
from .study import load_study
from .threads import fixed_threads


@dataclass(frozen=True)
class Done(Value):
    """What came of a cell: its result or its Failure, and what the store had to say."""

    result: Value
    warnings: tuple[str, ...] = ()


def work(cell: AbstractCell, store: Store) -> Done:
    """Run a cell with its own number of threads; an error becomes a Failure."""
    store.warnings.clear()
    try:
        with fixed_threads(cell.threads):
            result = cell.run(store)
        if not isinstance(result, Value):
            raise TypeError(f"`run` of {type(cell).__name__} must return a Value, got {type(result).__name__}")
        json.dumps(encode(result), allow_nan=False)  # what cannot be written down is a failure of its cell
    except Exception as error:  # a cell's error is its own; the others go on
        result = Failure.of(error)
    return Done(result, tuple(store.warnings))


class Worker:
    """What a worker process keeps between cells: its store, and the classes that the study's file defines."""

    def __init__(self, place: Place, study: str) -> None:
        if study:
            load_study(Path(study))
        self.store = place.store()

    def __call__(self, cell: str) -> str:
        """JSON of a cell -> JSON of a Done."""
        given = decode(json.loads(cell))
        return work(given, self.store).to_json()
