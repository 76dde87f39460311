"""How many groups of a grouped layer share a tile."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..values import Value

Shape = tuple[int, int, int]  # groups, inputs K, outputs C


class AbstractPacking(Value):
    """How the matrices of a grouped layer, one a group, are laid out on tiles."""

    @abc.abstractmethod
    def groups_per_tile(self, matrix: tuple[int, int], tile: tuple[int, int]) -> int:
        """At most so many groups of matrices (K, C) on a tile of (rows, columns for weights), at least 1."""


@dataclass(frozen=True)
class OneGroupPerTile(AbstractPacking):
    """Every group has tiles of its own: nothing leaks from one to another, and most of a tile may be padding.

    >>> OneGroupPerTile().groups_per_tile((9, 1), (64, 64))
    1
    """

    def groups_per_tile(self, matrix: tuple[int, int], tile: tuple[int, int]) -> int:
        """See `AbstractPacking.groups_per_tile`."""
        return 1


@dataclass(frozen=True)
class BlockDiagonal(AbstractPacking):
    """Groups that fit share a tile along its diagonal: rows and columns of one behind those of another.

    The other cells of the shared tile are programmed like a weight of zero, and all its rows are driven together. Their
    share of a column's current is what the hardware's is: none without wires and variation, otherwise that of the
    devices as they are. The effective weight of such a layer is the wider one of all groups of a tile.

    >>> BlockDiagonal().groups_per_tile((9, 1), (64, 64))  # 7 * 9 = 63 rows, 7 columns
    7
    """

    def groups_per_tile(self, matrix: tuple[int, int], tile: tuple[int, int]) -> int:
        """See `AbstractPacking.groups_per_tile`."""
        return max(1, min(tile[0] // matrix[0], tile[1] // matrix[1]))


def shared_tiles(shape: Shape, packing: AbstractPacking, tile: tuple[int, int]) -> tuple[int, int]:
    """(packs, groups in each): as few packs as possible, then as few groups; the last pack may lack some.

    >>> shared_tiles((16, 9, 1), BlockDiagonal(), (64, 64))
    (3, 6)
    """
    groups, k, c = shape
    packs = -(-groups // packing.groups_per_tile((k, c), tile))
    return packs, -(-groups // packs)


def packed_shape(shape: Shape, packing: AbstractPacking, tile: tuple[int, int]) -> Shape:
    """Matrices (groups, K, C) as they lie on the tiles: (packs, each K, each C)."""
    packs, each = shared_tiles(shape, packing, tile)
    return packs, each * shape[1], each * shape[2]


def pack(matrix: Tensor, packing: AbstractPacking, tile: tuple[int, int]) -> Tensor:
    """Matrices `(groups, K, C)` -> block-diagonal ones `(packs, each K, each C)`; the same where none is shared.

    >>> pack(torch.tensor([[[1.0]], [[2.0]]]), BlockDiagonal(), (4, 4)).tolist()
    [[[1.0, 0.0], [0.0, 2.0]]]
    """
    groups, k, c = matrix.shape
    packs, each = shared_tiles((groups, k, c), packing, tile)
    if each == 1:
        return matrix
    whole = functional.pad(matrix, (0, 0, 0, 0, 0, packs * each - groups)).unflatten(0, (packs, each))
    blocks = torch.diag_embed(whole.movedim(1, -1))  # (packs, K, C, each, each)
    return blocks.permute(0, 3, 1, 4, 2).reshape(packs, each * k, each * c)
