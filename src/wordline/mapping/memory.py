"""What a layer takes in memory, worked out from shapes before anything is programmed."""

from __future__ import annotations

import math

from .blocks import MOST_CELLS
from .cells import array_shape, cell_count, packed_matrix_shape, tiles_of
from .crossbar import Crossbar
from .gain import UnitGain

Shape = tuple[int, int, int]  # groups, inputs K, outputs C

# Bytes that programming works with, measured, rounded up: for each cell of a block whose arrays are matrices or are
# not, and of a block that a derivative is taken through. Double precision takes twice as much of the first and last.
_LINEAR, _CURVED, _TRACKED = 64, 320, 120
_FIXED = 96 << 20  # random numbers, the solver's own, and the allocator's rounding


def reads_conductances(crossbar: Crossbar) -> bool:
    """Whether a read needs the conductances themselves, and nothing worked out of them.

    >>> reads_conductances(Crossbar.preset("isaac-like")), reads_conductances(Crossbar.preset("puma-64x64-100k"))
    (True, False)
    """
    return not crossbar.is_matrix and crossbar.array.reads_conductances(crossbar.wires)


def passes_need_conductances(crossbar: Crossbar) -> bool:
    """Whether a pass cannot do without the conductances: it reads them, or they are noisy at each read."""
    return crossbar.stochastic or reads_conductances(crossbar)


def kept_bytes(matrix_shape: Shape, crossbar: Crossbar, itemsize: int, *, conductances: bool = True) -> int:
    """Bytes of what a layer keeps of matrices (groups, K, C): conductances, response, effective weight.

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
    """At most so many bytes are worked with, beyond what is kept, while a layer is programmed on `chips` samples.

    `tracked`: with a derivative, for which all tiles are programmed at once and what led to them is held.
    """
    cells = chips * cell_count(matrix_shape, crossbar)
    least = chips * math.prod(array_shape(crossbar)) * math.prod(crossbar.tile)
    together = cells if tracked else min(cells, max(MOST_CELLS, least))
    each = _LINEAR * itemsize // 4 if crossbar.array.linear else _CURVED
    each += _TRACKED * itemsize // 4 if tracked else 0
    weights = math.prod(packed_matrix_shape(matrix_shape, crossbar)) * itemsize
    copies = 1 if isinstance(crossbar.gain, UnitGain) else 2  # magnitudes for the scale; products for the gain
    return together * each + copies * weights + _FIXED
