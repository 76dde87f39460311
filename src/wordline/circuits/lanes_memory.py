"""Memory that outlives a call: lent out, taken back when nobody refers to it any more, lent again."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lanes import VECTOR_BYTES

Bytes = NDArray[np.uint8]


class _Loan:
    """What an array on loan refers to; its end is the end of the loan."""

    def __init__(self, memory: Bytes) -> None:
        self.__array_interface__: Mapping[str, Any] = memory.__array_interface__


class Memory:
    """At most `limit` bytes together, lent or idle.

    Fresh memory costs more than filling it does, as the system clears it page by page: what came back is kept for the
    next loan of its size, and dropped when another size needs the room.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._idle: list[Bytes] = []
        self._lock = threading.RLock()  # a loan may end in the middle of another one

    def lend(self, unit: int, count: int) -> Bytes:
        """As many units of `unit` bytes as there is room for, at most `count`; begins where a vector may."""
        with self._lock:
            lent = self.used - sum(memory.size for memory in self._idle)
            count = max(0, min(count, (self.limit - lent) // unit if unit else 0))
            memory = self._found(unit * count)
        loan = _Loan(memory)
        weakref.finalize(loan, self._back, memory)
        return np.asarray(loan)

    def _found(self, size: int) -> Bytes:
        for n, memory in enumerate(self._idle):
            if memory.size == size:
                return self._idle.pop(n)
        while self._idle and self.used + size > self.limit:
            self.used -= self._idle.pop(0).size
        self.used += size
        raw: Bytes = np.empty(size + VECTOR_BYTES, np.uint8)
        skip = -raw.ctypes.data % VECTOR_BYTES
        return raw[skip : skip + size]

    def _back(self, memory: Bytes) -> None:
        with self._lock:
            self._idle.append(memory)
