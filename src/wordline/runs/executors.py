"""Who runs the cells: this process, or worker processes on this machine."""

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

from ..values import require_integer
from .cell import AbstractCell
from ..records import Failure
from .store import Place
from .task import Done, Worker, work

TRIES = 3  # of a cell whose worker dies; what kills three workers would kill a fourth


class AbstractExecutor(abc.ABC):
    """Runs cells somewhere; the caller writes down what comes back."""

    @abc.abstractmethod
    def run(self, cells: Sequence[AbstractCell], place: Place, study: str) -> Iterator[tuple[int, Done]]:
        """(index of a cell, what came of it), each as soon as it is there. `study`: the file that defines the cells."""


class Serial(AbstractExecutor):
    """One cell after another, here."""

    def run(self, cells: Sequence[AbstractCell], place: Place, study: str) -> Iterator[tuple[int, Done]]:
        """See `AbstractExecutor.run`."""
        store = place.store()
        for index, cell in enumerate(cells):
            yield index, work(cell, store)


@dataclass
class _Hand:
    """A worker process, and the cell that it has."""

    process: BaseProcess
    pipe: Connection
    cell: int = -1


class Processes(AbstractExecutor):
    """`count` processes, started afresh. One that dies is replaced, and its cell given to another."""

    def __init__(self, count: int) -> None:
        require_integer("workers", count, at_least=1)
        self.count = count

    def run(self, cells: Sequence[AbstractCell], place: Place, study: str) -> Iterator[tuple[int, Done]]:
        """See `AbstractExecutor.run`."""
        waiting, tries = deque(range(len(cells))), [0] * len(cells)
        texts = [cell.to_json() for cell in cells]
        hands = [_hire(place, study) for _ in range(min(self.count, len(cells)))]
        try:
            for hand in hands:
                _give(hand, waiting, texts)
            while any(hand.cell >= 0 for hand in hands):
                ready = wait([hand.pipe for hand in hands if hand.cell >= 0])
                for hand in [hand for hand in hands if hand.pipe in ready]:
                    index, hand.cell = hand.cell, -1
                    try:
                        yield index, Done.from_json(hand.pipe.recv())
                    except (EOFError, OSError):
                        hand.process.join()
                        tries[index] += 1
                        if tries[index] < TRIES:
                            waiting.appendleft(index)
                        else:
                            yield index, _died(hand.process.exitcode, tries[index])
                        hand.process, hand.pipe = (fresh := _hire(place, study)).process, fresh.pipe
                    _give(hand, waiting, texts)
        finally:
            for hand in hands:
                hand.process.kill()
                hand.process.join()


def _died(code: int | None, tries: int) -> Done:
    return Done(Failure("WorkerDied", f"its worker process ended with code {code}, {tries} times; too little memory?"))


def _hire(place: Place, study: str) -> _Hand:
    context = multiprocessing.get_context("spawn")  # a forked child would inherit threads that are not there
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, place.to_json(), study), daemon=True)
    process.start()
    theirs.close()  # so that its death is the end of the pipe
    return _Hand(process, ours)


def _give(hand: _Hand, waiting: deque[int], texts: Sequence[str]) -> None:
    if waiting:
        hand.cell = waiting.popleft()
        with contextlib.suppress(OSError):  # it died meanwhile: reading the pipe will say so
            hand.pipe.send(texts[hand.cell])


def _serve(pipe: Connection, place: str, study: str) -> None:
    """The life of a worker process: cells until there are no more, or until nobody is left to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    parent = multiprocessing.parent_process()
    if parent is not None:

        def leave() -> None:
            wait([parent.sentinel])
            os._exit(1)  # the parent was killed: nobody writes down what this cell would give

        threading.Thread(target=leave, daemon=True).start()
    worker = Worker(Place.from_json(place), study)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(worker(pipe.recv()))
