"""How many devices a matrix takes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .blocks import MOST_CELLS, Block, blocks
from .crossbar import Crossbar
from .packing import packed_shape
from .tiling import tile_counts


def array_shape(crossbar: Crossbar) -> tuple[int, int]:
    """(slices of a weight, arrays that hold its sign): their product is the first dimension of the conductances.

    >>> array_shape(Crossbar.preset("ideal"))
    (1, 2)
    """
    encoding, slicing = crossbar.encoding, crossbar.slicing
    return len(slicing.slices(encoding.sign_bits)), len(encoding.shares(torch.zeros(1, 1), slicing.middle))


def packed_matrix_shape(matrix_shape: tuple[int, int, int], crossbar: Crossbar) -> tuple[int, int, int]:
    """Matrices (groups, K, C) as they lie on the tiles of a crossbar."""
    return packed_shape(matrix_shape, crossbar.packing, (crossbar.tile[0], crossbar.weight_cols))


def tiles_of(matrix_shape: tuple[int, int, int], crossbar: Crossbar) -> tuple[int, int, int]:
    """(groups, row tiles, column tiles) of matrices (groups, K, C), each of them so many arrays.

    >>> tiles_of((1, 65, 64), Crossbar.preset("ideal"))
    (1, 2, 1)
    """
    groups, k, c = packed_matrix_shape(matrix_shape, crossbar)
    return groups, *tile_counts((k, c), (crossbar.tile[0], crossbar.weight_cols))


def cell_count(matrix_shape: tuple[int, int, int], crossbar: Crossbar) -> int:
    """Devices of matrices (groups, K, C), padding included.

    >>> cell_count((1, 65, 64), Crossbar.preset("ideal"))  # two tiles of 64 x 64 for each sign
    16384
    """
    return math.prod(array_shape(crossbar)) * math.prod(tiles_of(matrix_shape, crossbar)) * math.prod(crossbar.tile)


def tile_blocks(packed: Tensor, crossbar: Crossbar, *, samples: int) -> tuple[Block, ...]:
    """Tiles that are worked on together, of packed matrices `(groups, K, C)`: all of them where a derivative follows.

    So many that all their arrays have `MOST_CELLS` devices or less, one tile at least.
    """
    groups, k, c = packed.shape
    tiles = tile_counts((k, c), (crossbar.tile[0], crossbar.weight_cols))
    each = samples * math.prod(array_shape(crossbar)) * math.prod(crossbar.tile)
    tracked = packed.requires_grad and torch.is_grad_enabled()
    return blocks(groups, *tiles, most=groups * math.prod(tiles) if tracked else max(1, MOST_CELLS // each))
