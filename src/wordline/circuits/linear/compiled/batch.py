"""Groups of tiles of a batch, one after another in one thread: load, run the machine, store.

`part` is (first tile, last tile + 1), its first a multiple of the number of lanes; tiles are
`(tiles, cells)`. `saved` is (memory, vectors of one group).
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from ....kernels import kernel
from ....kernels.machine import machine
from ....kernels.program import OPERATIONS
from ....kernels.registers import VECTOR_BYTES
from .small_blocks import GRADIENTS, MATRICES

_solve = machine("solve", OPERATIONS | MATRICES)
_adjoint = machine("adjoint", OPERATIONS | MATRICES | GRADIENTS)
_solve_one = machine("solve", OPERATIONS | MATRICES, lanes=1)


@kernel()
@no_type_check
def solve_part(v, tables, ohms, part, saved, tiles):
    """Compute W from `tiles`, (G, room for W); a schedule that saves also writes to `saved`."""
    width = VECTOR_BYTES // v.itemsize
    g, w = tiles
    start, stop = part
    memory, group_size = saved
    shift = (np.int64(memory.ctypes.data) - np.int64(v.ctypes.data)) // VECTOR_BYTES
    for first in range(start, stop, width):
        count = min(width, stop - first)
        for cell in range(g.shape[1]):
            for lane in range(width):
                v[(tables.g + cell) * width + lane] = g[first + lane, cell] if lane < count else 0
        _solve(v, tables.steps, tables.program, shift + first // width * group_size, ohms)
        for cell in range(w.shape[1]):
            for lane in range(count):
                w[first + lane, cell] = -v[tables.entries[cell] * width + lane]


@kernel()
@no_type_check
def solve_one(v, tables, ohms, part, saved, tiles):
    """Compute what `solve_part` does, to the same bits, one tile at a time."""
    g, w = tiles
    for tile in range(part[0], part[1]):
        v[tables.g : tables.g + g.shape[1]] = g[tile]
        _solve_one(v, tables.steps, tables.program, 0, ohms)
        for cell in range(w.shape[1]):
            w[tile, cell] = -v[tables.entries[cell]]


@kernel()
@no_type_check
def adjoint_part(v, tables, ohms, part, saved, tiles):
    """Compute dL/dG from `tiles`, (G, dL/dW, room for dL/dG)."""
    width = VECTOR_BYTES // v.itemsize
    g, bar, out = tiles
    start, stop = part
    memory, group_size = saved
    shift = (np.int64(memory.ctypes.data) - np.int64(v.ctypes.data)) // VECTOR_BYTES
    pitch = tables.pitch
    for first in range(start, stop, width):
        count = min(width, stop - first)
        v[: pitch * pitch * width] = 0  # dL/dH of the whole array, half of dL/dW in either triangle
        for cell in range(g.shape[1]):
            i, j = tables.entries[cell] // pitch, tables.entries[cell] % pitch
            for lane in range(width):
                v[(tables.g + cell) * width + lane] = g[first + lane, cell] if lane < count else 0
            for lane in range(count):
                half = bar[first + lane, cell] / -2
                v[(i * pitch + j) * width + lane] = half
                v[(j * pitch + i) * width + lane] = half
        _adjoint(v, tables.steps, tables.program, shift + first // width * group_size, ohms)
        for cell in range(g.shape[1]):
            for lane in range(count):
                out[first + lane, cell] = v[(tables.out + cell) * width + lane]
