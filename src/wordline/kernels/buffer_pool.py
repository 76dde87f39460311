"""Memory aligned for vectors: allocated afresh, or from a pool that bounds what a process holds."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .registers import VECTOR_BYTES

Bytes = NDArray[np.uint8]


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Allocate an uninitialised array that begins at a multiple of `VECTOR_BYTES`."""
    return _aligned_bytes(math.prod(shape) * dtype.itemsize).view(dtype).reshape(shape)


def _aligned_bytes(size: int) -> Bytes:
    raw: Bytes = np.empty(size + VECTOR_BYTES, np.uint8)
    skip = -raw.ctypes.data % VECTOR_BYTES
    return raw[skip : skip + size]


class BufferPool:
    """Buffers of at most `limit` bytes together, in use or idle.

    Fresh memory costs more than filling it does, as the system clears it page by page: a buffer
    that is no longer used waits for the next request of its size, and is dropped when another size
    needs the room. `used`: bytes held, idle buffers included.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._idle: list[Bytes] = []
        self._lock = threading.RLock()  # a buffer may be released in the middle of an allocation

    def allocate(self, unit: int, count: int) -> Bytes:
        """Allocate an aligned buffer of up to `count` records of `unit` bytes.

        It is shorter, possibly empty, when the limit is reached, and returns to the pool when the
        array and all its views are garbage-collected.
        """
        with self._lock:
            in_use = self.used - sum(memory.size for memory in self._idle)
            count = max(0, min(count, (self.limit - in_use) // unit if unit else 0))
            memory = self._take(unit * count)
        buffer = _Buffer(memory)
        weakref.finalize(buffer, self._release, memory)
        return np.asarray(buffer)

    def _take(self, size: int) -> Bytes:
        for n, memory in enumerate(self._idle):
            if memory.size == size:
                return self._idle.pop(n)
        while self._idle and self.used + size > self.limit:
            self.used -= self._idle.pop(0).size
        self.used += size
        return _aligned_bytes(size)

    def _release(self, memory: Bytes) -> None:
        with self._lock:
            self._idle.append(memory)


class _Buffer:
    """The base object of an allocated array: its end of life releases the memory."""

    def __init__(self, memory: Bytes) -> None:
        self.__array_interface__: Mapping[str, Any] = memory.__array_interface__
