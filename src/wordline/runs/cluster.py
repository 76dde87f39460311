"""An executor that runs cells as tasks of a Ray cluster."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..records import Failure
from ..values import require_integer, require_number
from .cell import AbstractCell
from .executors import AbstractExecutor
from .store import StoreConfig
from .task import TaskResult, Worker

RETRIES = 5  # of a task whose worker or machine is lost
LOCAL = "local"  # a cluster of this machine alone, for as long as the study runs


class RayTasks(AbstractExecutor):
    """Cells as Ray tasks of one processor a thread and `gpus` of a GPU each.

    `address`: of a running cluster, "auto" for the one this machine belongs to, "local" to start
    one here with `workers` processors (0: all). A task whose worker dies is run again elsewhere.
    Raises ImportError without Ray, ValueError where no cluster answers.
    """

    def __init__(
        self, config: StoreConfig, study: str = "", *, address: str = LOCAL, workers: int = 0,
        gpus: float = 0.0,
    ) -> None:  # fmt: skip
        require_integer("workers", workers, at_least=0)
        require_number("gpus_per_cell", gpus, at_least=0.0)
        self.config, self.study = config, study
        self.address, self.workers, self.gpus = address, workers, float(gpus)
        self._ray = _import_ray()

    def run(self, cells: Sequence[AbstractCell]) -> Iterator[tuple[int, TaskResult]]:
        if not cells:
            return
        ray, name = self._ray, Path(self.study).name
        source = Path(self.study).read_text() if self.study else ""  # other machines lack the file
        self._connect()
        try:
            task = ray.remote(max_retries=RETRIES, num_gpus=self.gpus)(_run_in_cluster)
            fixed = self.config.to_json(), name, source
            waiting = {
                task.options(num_cpus=cell.threads).remote(cell.to_json(), *fixed): index
                for index, cell in enumerate(cells)
            }
            while waiting:
                (ready, *_), _rest = ray.wait(list(waiting), num_returns=1)
                index = waiting.pop(ready)
                try:
                    result = TaskResult.from_json(ray.get(ready))
                except ray.exceptions.RayError as error:
                    message = " ".join(str(error).split())
                    result = TaskResult(Failure(type(error).__name__, message))
                yield index, result
        finally:
            ray.shutdown()

    def _connect(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        here = self.address == LOCAL
        options = {"num_cpus": self.workers or None, "include_dashboard": False} if here else {}
        try:
            with contextlib.redirect_stdout(None):  # standard output is for results
                self._ray.init(
                    address=self.address, log_to_driver=False, logging_level="error", **options
                )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"`ray` finds no cluster at {self.address!r} ({reason}); start one first"
            ) from error


@functools.lru_cache(maxsize=1)
def _worker(config: str, name: str, source: str) -> Worker:
    """Return the worker of this process, kept from task to task."""
    if not source:
        return Worker(StoreConfig.from_json(config), "")
    folder = f"wordline-{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    file = Path(tempfile.gettempdir()) / folder / name
    write_atomically(file, lambda temporary: temporary.write_text(source))
    return Worker(StoreConfig.from_json(config), str(file))


def _run_in_cluster(cell: str, config: str, name: str, source: str) -> str:
    return _worker(config, name, source)(cell)


def _import_ray() -> Any:
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        message = "`ray` needs the extra cluster: pip install 'wordline[cluster]'"
        raise ImportError(message) from error
    return ray
