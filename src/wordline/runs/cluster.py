"""The same cells as tasks of a Ray cluster: workers come, go and are replaced; this process alone writes."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..values import require_integer, require_number
from .cell import AbstractCell
from .executors import AbstractExecutor
from ..records import Failure
from .store import Place
from .task import Done, Worker

RETRIES = 5  # of a task whose worker or machine is lost
HERE = "local"  # a cluster of this machine alone, for as long as the study runs


class RayTasks(AbstractExecutor):
    """Cells as Ray tasks of one processor a thread and `gpus` of a GPU each.

    `address`: of a running cluster, "auto" for the one this machine belongs to, "local" to start one here with
    `workers` processors (0: all). A task whose worker dies is run again elsewhere; a cell is a pure function, so it may
    be. Raises ImportError without Ray, ValueError where no cluster answers.
    """

    def __init__(self, address: str = HERE, *, workers: int = 0, gpus: float = 0.0) -> None:
        require_integer("workers", workers, at_least=0)
        require_number("gpus_per_cell", gpus, at_least=0.0)
        self.address, self.workers, self.gpus = address, workers, float(gpus)
        self._ray = _ray()

    def run(self, cells: Sequence[AbstractCell], place: Place, study: str) -> Iterator[tuple[int, Done]]:
        """See `AbstractExecutor.run`."""
        if not cells:
            return
        ray = self._ray
        source = Path(study).read_text() if study else ""  # other machines need not have the file
        self._connect()
        try:
            task = ray.remote(max_retries=RETRIES, num_gpus=self.gpus)(_task)
            waiting = {
                task.options(num_cpus=cell.threads).remote(cell.to_json(), place.to_json(), Path(study).name, source): i
                for i, cell in enumerate(cells)
            }
            while waiting:
                (ready, *_), _rest = ray.wait(list(waiting), num_returns=1)
                index = waiting.pop(ready)
                try:
                    done = Done.from_json(ray.get(ready))
                except ray.exceptions.RayError as error:
                    done = Done(Failure(type(error).__name__, " ".join(str(error).split())))
                yield index, done
        finally:
            ray.shutdown()

    def _connect(self) -> None:
        ray = self._ray
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody asked for reports
        local = {"num_cpus": self.workers or None, "include_dashboard": False}
        try:
            with contextlib.redirect_stdout(None):  # results go to standard output, and nothing else
                ray.init(
                    address=self.address, log_to_driver=False, logging_level="error", configure_logging=True,
                    ignore_reinit_error=False, **(local if self.address == HERE else {}),
                )  # fmt: skip
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"`ray` finds no cluster at {self.address!r} ({reason}); start one first") from error


_WORKERS: dict[tuple[str, str], Worker] = {}  # a worker process keeps its store from task to task


def _task(cell: str, place: str, name: str, source: str) -> str:
    """One cell in a process of the cluster."""
    known = place, source
    if known not in _WORKERS:
        _WORKERS.clear()
        study = ""
        if source:
            folder = Path(tempfile.gettempdir()) / f"wordline-{hashlib.sha256(source.encode()).hexdigest()[:16]}"
            write_atomically(folder / name, lambda temporary: temporary.write_text(source))
            study = str(folder / name)
        _WORKERS[known] = Worker(Place.from_json(place), study)
    return _WORKERS[known](cell)


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ImportError("`ray` needs the extra cluster: pip install 'wordline[cluster]'") from error
