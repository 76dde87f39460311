"""Work shared between as many threads as torch uses.

A pool that lives for one call survives forks and changes nobody's thread settings. The kernels
release the interpreter's lock, so that threads run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def share(work: Callable[[Iterator[Item]], None], items: Sequence[Item], limit: int) -> None:
    """Run `work` once on each of at most `limit` threads, over one iterator that all share.

    A thread that is free takes the next item; `work` holds what a thread keeps between items. The
    caller's thread is one of them.
    """
    threads, shared = max(1, min(limit, len(items))), iter(items)
    if threads == 1:
        return work(shared)
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(work, shared) for _ in range(threads - 1)]
        work(shared)
        for done in others:
            done.result()


def ordered_map(
    work: Callable[[Item], Result], items: Sequence[Item], limit: int
) -> Iterator[Result]:
    """Yield the results of `work` on each item in order, without gradients, on `limit` threads."""
    threads = min(limit, len(items))
    if threads <= 1:
        yield from map(work, items)
        return

    def without_gradients(item: Item) -> Result:
        with torch.no_grad():  # a new thread starts with gradients on
            return work(item)

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(without_gradients, items)


def drain(results: Iterable[object]) -> None:
    """Run an iterator to its end for its effects."""
    for _ in results:
        pass
