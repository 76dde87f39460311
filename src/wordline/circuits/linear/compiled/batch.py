"""Groups of tiles of a batch, one after another in one thread: load, sweep, store.

`part` is (first tile, last tile + 1), its first a multiple of the number of lanes; tiles are
`(tiles, cells)`.
"""

from __future__ import annotations

from typing import no_type_check

from ....kernels import kernel
from ....kernels.registers import VECTOR_BYTES
from .lanes import load_cotangent, load_tiles, store_result, store_tiles
from .sweep import RECOMPUTE, adjoint, forward, recompute


@kernel()
@no_type_check
def solve_part(ws, tables, ohms, part, mode, saved, tiles):
    """Compute W from `tiles`, (G, room for W); SAVE also stores what `adjoint_part` needs."""
    width = VECTOR_BYTES // ws.vectors.itemsize
    g, w = tiles
    start, stop = part
    for first in range(start, stop, width):
        count = min(width, stop - first)
        load_tiles(ws.vectors, ws.g, g, first, count)
        at = first // width * saved.group_size
        forward(ws, tables, ohms, (0, len(tables.steps)), mode, saved, at)
        store_result(ws.vectors, tables.entries, w, first, count)


@kernel()
@no_type_check
def adjoint_part(ws, tables, ohms, part, mode, saved, tiles):
    """Compute dL/dG from `tiles`, (G, dL/dW, room for dL/dG)."""
    width = VECTOR_BYTES // ws.vectors.itemsize
    g, bar, out = tiles
    start, stop = part
    ports = g.shape[1] // ws.cols + ws.cols
    for first in range(start, stop, width):
        count = min(width, stop - first)
        load_tiles(ws.vectors, ws.g, g, first, count)
        if mode == RECOMPUTE:
            recompute(ws, tables, ohms, 0, len(tables.steps) - 1, saved)
        load_cotangent(ws.vectors, tables.entries, bar, first, count, ports)
        at = first // width * saved.group_size
        adjoint(ws, tables, ohms, mode, saved, at)
        store_tiles(ws.vectors, ws.out, out, first, count)
