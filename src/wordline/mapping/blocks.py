"""Blocks of tiles, so that the memory that programming works with does not grow with the layer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

MAX_CELLS = 1 << 20  # devices of a block, of all arrays and samples; at least one tile of each


@dataclass(frozen=True)
class Block:
    """Neighbouring tiles of neighbouring groups: ranges of groups, row tiles and column tiles."""

    groups: range
    row_tiles: range
    col_tiles: range

    @property
    def tiles(self) -> tuple[slice, slice, slice]:
        """Index of the block in `(groups, row_tiles, col_tiles, ...)`."""
        return _slice(self.groups), _slice(self.row_tiles), _slice(self.col_tiles)

    def weights(self, tile: tuple[int, int]) -> tuple[slice, slice, slice]:
        """Index the block in `(groups, K, C)`, for tiles of (rows, columns of weights)."""
        rows, cols = tile
        return _slice(self.groups), _slice(self.row_tiles, rows), _slice(self.col_tiles, cols)


class TensorAssembly:
    """A tensor put together from adjacent parts; a part that is all of it is kept without a copy.

    `shape`: of the leading dimensions, in which the parts have their places; the other dimensions
    are those of the parts. `like`: a tensor whose memory layout to use.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor | None = None) -> None:
        self._shape, self._like = shape, like
        self._tensor: Tensor | None = None

    def put(self, part: Tensor, index: tuple[slice, ...]) -> None:
        """Write a part to its place."""
        if tuple(part.shape[: len(self._shape)]) == self._shape:
            self._tensor = part
            return
        if self._tensor is None and self._like is not None:
            self._tensor = torch.empty_like(self._like, dtype=part.dtype)
        elif self._tensor is None:
            self._tensor = part.new_empty((*self._shape, *part.shape[len(self._shape) :]))
        self._tensor[index] = part

    @property
    def tensor(self) -> Tensor:
        """The assembled tensor, once every part has been put."""
        return cast(Tensor, self._tensor)


def blocks(groups: int, row_tiles: int, col_tiles: int, *, max_tiles: int) -> tuple[Block, ...]:
    """Cut all tiles into blocks of at most `max_tiles`: whole rows of tiles first, then groups.

    >>> found = blocks(2, 3, 4, max_tiles=9)
    >>> [(len(b.groups), len(b.row_tiles), len(b.col_tiles)) for b in found]
    [(1, 2, 4), (1, 1, 4), (1, 2, 4), (1, 1, 4)]
    """
    wide = max(1, min(col_tiles, max_tiles))
    high = max(1, min(row_tiles, max_tiles // wide)) if wide == col_tiles else 1
    whole_groups = (high, wide) == (row_tiles, col_tiles)
    many = max(1, min(groups, max_tiles // (wide * high))) if whole_groups else 1
    ranges = _ranges(groups, many), _ranges(row_tiles, high), _ranges(col_tiles, wide)
    return tuple(Block(*of_block) for of_block in itertools.product(*ranges))


def _ranges(count: int, step: int) -> list[range]:
    return [range(start, min(count, start + step)) for start in range(0, count, step)]


def _slice(numbers: range, each: int = 1) -> slice:
    return slice(numbers.start * each, numbers.stop * each)
