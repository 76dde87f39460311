"""How many devices a matrix takes."""

from __future__ import annotations

import math

import torch

from .crossbar import Crossbar
from .tiling import tile_counts


def array_shape(crossbar: Crossbar) -> tuple[int, int]:
    """(slices of a weight, arrays that hold its sign): their product is the first dimension of the conductances.

    >>> array_shape(Crossbar.preset("ideal"))
    (1, 2)
    """
    encoding, slicing = crossbar.encoding, crossbar.slicing
    return len(slicing.slices(encoding.sign_bits)), len(encoding.shares(torch.zeros(1, 1), slicing.middle))


def cell_count(matrix_shape: tuple[int, int, int], crossbar: Crossbar) -> int:
    """Devices of matrices (groups, K, C), padding included.

    >>> cell_count((1, 65, 64), Crossbar.preset("ideal"))  # two tiles of 64 x 64 for each sign
    16384
    """
    groups, k, c = matrix_shape
    down, across = tile_counts((k, c), (crossbar.tile[0], crossbar.weight_cols))
    return math.prod(array_shape(crossbar)) * groups * down * across * math.prod(crossbar.tile)
