"""Executors of cells: this process, or worker processes on this machine."""

from __future__ import annotations

import abc
import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from ..records import Failure
from ..values import require_integer
from .cell import AbstractCell
from .store import Store, StoreConfig
from .task import TaskResult, Worker, run_task, try_task

TRIES = 3  # of a cell whose worker dies; a cell that kills three workers would kill a fourth


class AbstractExecutor(abc.ABC):
    """A way to run cells; the caller writes the results."""

    @abc.abstractmethod
    def run(self, cells: Sequence[AbstractCell]) -> Iterator[tuple[int, TaskResult]]:
        """Yield (index of a cell, its result), each as soon as it is there."""


class Serial(AbstractExecutor):
    """One cell after another in this process.

    An error becomes the Failure of its cell; with `stop_at_error` it is raised.
    """

    def __init__(self, store: Store, *, stop_at_error: bool = False) -> None:
        self.store = store
        self._task = run_task if stop_at_error else try_task

    def run(self, cells: Sequence[AbstractCell]) -> Iterator[tuple[int, TaskResult]]:
        for index, cell in enumerate(cells):
            yield index, self._task(cell, self.store)


@dataclass
class _Worker:
    """A worker process, its pipe, and the index of its cell (-1: idle)."""

    process: BaseProcess
    pipe: Connection
    cell: int = -1


class Processes(AbstractExecutor):
    """`count` fresh processes. One that dies is replaced, and its cell goes to another.

    `study`: the file that defines the cells; "" for cells of wordline alone.
    """

    def __init__(self, count: int, config: StoreConfig, study: str = "") -> None:
        require_integer("workers", count, at_least=1)
        self.count, self.config, self.study = count, config, study

    def run(self, cells: Sequence[AbstractCell]) -> Iterator[tuple[int, TaskResult]]:
        waiting, tries = deque(range(len(cells))), [0] * len(cells)
        texts = [cell.to_json() for cell in cells]
        workers = [self._spawn() for _ in range(min(self.count, len(cells)))]
        try:
            for worker in workers:
                _dispatch(worker, waiting, texts)
            while any(worker.cell >= 0 for worker in workers):
                ready = wait([worker.pipe for worker in workers if worker.cell >= 0])
                for worker in [worker for worker in workers if worker.pipe in ready]:
                    index, worker.cell = worker.cell, -1
                    try:
                        yield index, TaskResult.from_json(worker.pipe.recv())
                    except (EOFError, OSError):
                        worker.process.join()
                        tries[index] += 1
                        if tries[index] < TRIES:
                            waiting.appendleft(index)
                        else:
                            yield index, _worker_died(worker.process.exitcode, tries[index])
                        fresh = self._spawn()
                        worker.process, worker.pipe = fresh.process, fresh.pipe
                    _dispatch(worker, waiting, texts)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()

    def _spawn(self) -> _Worker:
        # a forked child would inherit locks of threads that it does not have
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, self.config.to_json(), self.study)
        process = context.Process(target=_worker_main, args=arguments, daemon=True)
        process.start()
        theirs.close()  # so that the worker's death is the end of the pipe
        return _Worker(process, ours)


def _worker_died(code: int | None, tries: int) -> TaskResult:
    message = f"its worker process ended with code {code}, {tries} times; too little memory?"
    return TaskResult(Failure("WorkerDied", message))


def _dispatch(worker: _Worker, waiting: deque[int], texts: Sequence[str]) -> None:
    if waiting:
        worker.cell = waiting.popleft()
        with contextlib.suppress(OSError):  # it died meanwhile: reading the pipe will say so
            worker.pipe.send(texts[worker.cell])


def _worker_main(pipe: Connection, config: str, study: str) -> None:
    """Run cells from the pipe until it closes or the parent process dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    parent = multiprocessing.parent_process()
    if parent is not None:

        def leave() -> None:
            wait([parent.sentinel])
            os._exit(1)  # the parent was killed: no process would write this cell's result

        threading.Thread(target=leave, daemon=True).start()
    worker = Worker(StoreConfig.from_json(config), study)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(worker(pipe.recv()))
