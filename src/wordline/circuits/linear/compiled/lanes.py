"""Tiles of a batch to the lanes of a workspace and back, as many tiles at a time as lanes.

`tiles` is `(tiles, cells)`; `first` is the group's first tile and `count` how many there are.
"""

from __future__ import annotations

from typing import no_type_check

from ....kernels import kernel
from ....kernels.registers import VECTOR_BYTES
from .merge import pitch


@kernel()
@no_type_check
def load_tiles(v, at, tiles, first, count):
    """Load each tile into a lane, one vector a cell from offset `at`; other lanes get 0."""
    width = VECTOR_BYTES // v.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(width):
            v[(at + cell) * width + lane] = tiles[first + lane, cell] if lane < count else 0


@kernel()
@no_type_check
def store_tiles(v, at, tiles, first, count):
    """Store each lane into its tile, one vector a cell from offset `at`."""
    width = VECTOR_BYTES // v.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(count):
            tiles[first + lane, cell] = v[(at + cell) * width + lane]


@kernel()
@no_type_check
def store_result(v, entries, tiles, first, count):
    """Store W = -H[inputs, outputs] of each lane; `entries`: the offset in H of each cell of W."""
    width = VECTOR_BYTES // v.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(count):
            tiles[first + lane, cell] = -v[entries[cell] * width + lane]


@kernel()
@no_type_check
def load_cotangent(v, entries, tiles, first, count, ports):
    """Load dL/dH of the whole array, both triangles, from dL/dW; half of it stands in either."""
    width = VECTOR_BYTES // v.itemsize
    ld = pitch(ports)
    v[: ports * ld * width] = 0
    for cell in range(tiles.shape[1]):
        i, j = entries[cell] // ld, entries[cell] % ld
        for lane in range(count):
            half = tiles[first + lane, cell] / -2
            v[(i * ld + j) * width + lane] = half
            v[(j * ld + i) * width + lane] = half
