"""Memory that a layer takes, computed from shapes before anything is programmed."""

from __future__ import annotations

import math

from .blocks import MAX_CELLS
from .cells import array_shape, cell_count, packed_matrix_shape, tiles_of
from .crossbar import Crossbar
from .gain import UnitGain

Shape = tuple[int, int, int]  # groups, inputs K, outputs C

# Bytes that programming works with for each cell of a block, measured and rounded up: for arrays
# that are a matrix, for arrays that are not, and in addition where a derivative is tracked. The
# first and the last are for float32; double precision takes twice as much.
_LINEAR, _NONLINEAR, _TRACKED = 64, 320, 120
_FIXED = 96 << 20  # random numbers, the solver's own memory, and the allocator's rounding


def reads_conductances(crossbar: Crossbar) -> bool:
    """Return True where a read needs the conductances themselves, and nothing computed from them.

    >>> reads_conductances(Crossbar.preset("isaac-like"))
    True
    >>> reads_conductances(Crossbar.preset("puma-64x64-100k"))
    False
    """
    return not crossbar.is_matrix and crossbar.array.reads_conductances(crossbar.wires)


def passes_need_conductances(crossbar: Crossbar) -> bool:
    """Return True where a pass needs the conductances: it reads them, or they have read noise."""
    return crossbar.stochastic or reads_conductances(crossbar)


def kept_bytes(
    matrix_shape: Shape, crossbar: Crossbar, itemsize: int, *, conductances: bool = True
) -> int:
    """Count the bytes that a layer keeps of matrices (groups, K, C).

    These are its conductances, response and effective weight.

    >>> 4 * (2 * 64 * 64 + 64 * 64)  # a pair of arrays, and the matrix
    49152
    >>> kept_bytes((1, 64, 64), Crossbar.preset("ideal"), 4)
    49152
    """
    rows, cols = crossbar.tile
    numbers = math.prod(packed_matrix_shape(matrix_shape, crossbar))
    if conductances or passes_need_conductances(crossbar):
        numbers += cell_count(matrix_shape, crossbar)
    if not crossbar.is_matrix and not reads_conductances(crossbar):
        arrays = math.prod(array_shape(crossbar)) * math.prod(tiles_of(matrix_shape, crossbar))
        numbers += arrays * crossbar.array.height(rows, cols, crossbar.wires) * cols
    return numbers * itemsize


def working_bytes(
    matrix_shape: Shape, crossbar: Crossbar, itemsize: int, *, chips: int = 1, tracked: bool = False
) -> int:
    """Bound the bytes that programming a layer on `chips` samples takes beyond what is kept.

    `tracked`: with a derivative, for which all tiles are programmed at once and all intermediate
    results are kept.
    """
    cells = chips * cell_count(matrix_shape, crossbar)
    one_tile = chips * math.prod(array_shape(crossbar)) * math.prod(crossbar.tile)
    block = cells if tracked else min(cells, max(MAX_CELLS, one_tile))
    per_cell = _LINEAR * itemsize // 4 if crossbar.array.linear else _NONLINEAR
    per_cell += _TRACKED * itemsize // 4 if tracked else 0
    weights = math.prod(packed_matrix_shape(matrix_shape, crossbar)) * itemsize
    # Magnitudes for the scale; products for the gain.
    copies = 1 if isinstance(crossbar.gain, UnitGain) else 2
    return block * per_cell + copies * weights + _FIXED
