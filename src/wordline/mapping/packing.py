"""Packing of the groups of a grouped layer onto shared tiles."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from ..values import Value

Shape = tuple[int, int, int]  # groups, inputs K, outputs C


class AbstractPacking(Value):
    """A layout on tiles of the matrices of a grouped layer, one matrix a group."""

    @abc.abstractmethod
    def groups_per_tile(self, matrix: tuple[int, int], tile: tuple[int, int]) -> int:
        """Return the most groups of matrices (K, C) on a tile of (rows, weight columns), >= 1."""


@final
@dataclass(frozen=True)
class OneGroupPerTile(AbstractPacking):
    """Tiles of its own for each group: nothing leaks between groups, and tiles may be mostly pad.

    >>> OneGroupPerTile().groups_per_tile((9, 1), (64, 64))
    1
    """

    def groups_per_tile(self, matrix: tuple[int, int], tile: tuple[int, int]) -> int:
        return 1


@final
@dataclass(frozen=True)
class BlockDiagonal(AbstractPacking):
    """Groups that fit share a tile along its diagonal: each has rows and columns of its own.

    The other cells of the shared tile are programmed like a weight of zero, and all its rows are
    driven together. Their share of a column's current is what the hardware's is: none without wires
    and variation, otherwise that of the devices as they are. The effective weight of such a layer
    is the wider matrix of all groups of a tile.

    >>> BlockDiagonal().groups_per_tile((9, 1), (64, 64))  # 7 * 9 = 63 rows, 7 columns
    7
    """

    def groups_per_tile(self, matrix: tuple[int, int], tile: tuple[int, int]) -> int:
        return max(1, min(tile[0] // matrix[0], tile[1] // matrix[1]))


def shared_tiles(shape: Shape, packing: AbstractPacking, tile: tuple[int, int]) -> tuple[int, int]:
    """Return (packs, groups of a pack): the fewest packs, then the fewest groups.

    The last pack may have fewer groups.

    >>> shared_tiles((16, 9, 1), BlockDiagonal(), (64, 64))
    (3, 6)
    """
    groups, k, c = shape
    packs = -(-groups // packing.groups_per_tile((k, c), tile))
    return packs, -(-groups // packs)


def packed_shape(shape: Shape, packing: AbstractPacking, tile: tuple[int, int]) -> Shape:
    """Return the shape (packs, each K, each C) of packed matrices (groups, K, C)."""
    packs, each = shared_tiles(shape, packing, tile)
    return packs, each * shape[1], each * shape[2]


def pack(matrix: Tensor, packing: AbstractPacking, tile: tuple[int, int]) -> Tensor:
    """Pack matrices `(groups, K, C)` into block-diagonal ones `(packs, each K, each C)`.

    Returns the same tensor where no tile is shared.

    >>> pack(torch.tensor([[[1.0]], [[2.0]]]), BlockDiagonal(), (4, 4)).tolist()
    [[[1.0, 0.0], [0.0, 2.0]]]
    """
    groups, k, c = matrix.shape
    packs, each = shared_tiles((groups, k, c), packing, tile)
    if each == 1:
        return matrix
    padded = functional.pad(matrix, (0, 0, 0, 0, 0, packs * each - groups))
    by_pack = padded.unflatten(0, (packs, each))
    blocks = torch.diag_embed(by_pack.movedim(1, -1))  # (packs, K, C, each, each)
    return blocks.permute(0, 3, 1, 4, 2).reshape(packs, each * k, each * c)
