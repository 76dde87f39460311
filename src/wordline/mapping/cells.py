"""Numbers of arrays, tiles and devices that a matrix takes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .blocks import MAX_CELLS, Block, blocks
from .crossbar import Crossbar
from .packing import packed_shape
from .tiling import tile_counts


def array_shape(crossbar: Crossbar) -> tuple[int, int]:
    """Return (slices of a weight, arrays for its sign).

    Their product is the first dimension of the conductances.

    >>> array_shape(Crossbar.preset("ideal"))
    (1, 2)
    """
    encoding, slicing = crossbar.encoding, crossbar.slicing
    signs = len(encoding.shares(torch.zeros(1, 1), slicing.zero_share))
    return len(slicing.slices(encoding.sign_bits)), signs


def arrays_per_converter(crossbar: Crossbar) -> int:
    """Count the arrays whose columns share a converter: currents are added or subtracted there.

    >>> arrays_per_converter(Crossbar.preset("ideal"))
    1
    """
    slices, signs = array_shape(crossbar)
    devices = slices if crossbar.slicing.shares_columns else 1
    return devices * (signs if crossbar.encoding.subtracts_currents else 1)


def packed_matrix_shape(
    matrix_shape: tuple[int, int, int], crossbar: Crossbar
) -> tuple[int, int, int]:
    """Return the shape of matrices (groups, K, C) once they are packed onto shared tiles."""
    return packed_shape(matrix_shape, crossbar.packing, (crossbar.tile[0], crossbar.weight_cols))


def tiles_of(matrix_shape: tuple[int, int, int], crossbar: Crossbar) -> tuple[int, int, int]:
    """Return (groups, row tiles, column tiles) of matrices (groups, K, C).

    Each tile is `array_shape` arrays.

    >>> tiles_of((1, 65, 64), Crossbar.preset("ideal"))
    (1, 2, 1)
    """
    groups, k, c = packed_matrix_shape(matrix_shape, crossbar)
    return groups, *tile_counts((k, c), (crossbar.tile[0], crossbar.weight_cols))


def cell_count(matrix_shape: tuple[int, int, int], crossbar: Crossbar) -> int:
    """Count the devices of matrices (groups, K, C), padding included.

    >>> cell_count((1, 65, 64), Crossbar.preset("ideal"))  # two tiles of 64 x 64 for each sign
    16384
    """
    arrays, tiles = array_shape(crossbar), tiles_of(matrix_shape, crossbar)
    return math.prod(arrays) * math.prod(tiles) * math.prod(crossbar.tile)


def tile_blocks(packed: Tensor, crossbar: Crossbar, *, samples: int) -> tuple[Block, ...]:
    """Cut the tiles of packed matrices `(groups, K, C)` into blocks that are programmed together.

    A block has at most `MAX_CELLS` devices in all its arrays and samples, and at least one tile.
    Where a derivative is tracked, one block has all tiles.
    """
    groups, k, c = packed.shape
    tiles = tile_counts((k, c), (crossbar.tile[0], crossbar.weight_cols))
    if packed.requires_grad and torch.is_grad_enabled():
        max_tiles = groups * math.prod(tiles)
    else:
        cells = samples * math.prod(array_shape(crossbar)) * math.prod(crossbar.tile)
        max_tiles = max(1, MAX_CELLS // cells)
    return blocks(groups, *tiles, max_tiles=max_tiles)
