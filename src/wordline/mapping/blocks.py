"""A layer some tiles at a time, so that what programming works with does not grow with the layer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

MOST_CELLS = 1 << 20  # devices worked on at a time, of all arrays and samples; at least one tile of each


@dataclass(frozen=True)
class Block:
    """Neighbouring tiles of neighbouring groups: ranges of groups, of row tiles and of column tiles."""

    groups: range
    down: range
    across: range

    @property
    def tiles(self) -> tuple[slice, slice, slice]:
        """Where it is among `(groups, row_tiles, col_tiles, ...)`."""
        return _slice(self.groups), _slice(self.down), _slice(self.across)

    def weights(self, tile: tuple[int, int]) -> tuple[slice, slice, slice]:
        """Where it is in `(groups, K, C)`, on tiles of so many rows and columns of weights."""
        return _slice(self.groups), _slice(self.down, tile[0]), _slice(self.across, tile[1])


class Whole:
    """A tensor put together from parts that stand side by side; a part that is all of it is kept as it is.

    `shape`: of the leading dimensions, among which parts have their places; what follows is that of the parts. `like`,
    where given, says the layout in memory.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor | None = None) -> None:
        self._shape, self._like = shape, like
        self._tensor: Tensor | None = None

    def put(self, part: Tensor, at: tuple[slice, ...]) -> None:
        """Put a part at its place."""
        if tuple(part.shape[: len(self._shape)]) == self._shape:
            self._tensor = part
            return
        if self._tensor is None and self._like is not None:
            self._tensor = torch.empty_like(self._like, dtype=part.dtype)
        elif self._tensor is None:
            self._tensor = part.new_empty((*self._shape, *part.shape[len(self._shape) :]))
        self._tensor[at] = part

    @property
    def tensor(self) -> Tensor:
        """All of it, once every part has been put."""
        return cast(Tensor, self._tensor)


def blocks(groups: int, down: int, across: int, *, most: int) -> tuple[Block, ...]:
    """All tiles in blocks of at most `most`, at least one: whole rows of tiles first, then whole groups.

    >>> [(len(b.groups), len(b.down), len(b.across)) for b in blocks(2, 3, 4, most=9)]
    [(1, 2, 4), (1, 1, 4), (1, 2, 4), (1, 1, 4)]
    """
    wide = max(1, min(across, most))
    high = max(1, min(down, most // wide)) if wide == across else 1
    many = max(1, min(groups, most // (wide * high))) if (high, wide) == (down, across) else 1
    steps = (_ranges(groups, many), _ranges(down, high), _ranges(across, wide))
    return tuple(Block(*ranges) for ranges in itertools.product(*steps))


def _ranges(count: int, step: int) -> list[range]:
    return [range(start, min(count, start + step)) for start in range(0, count, step)]


def _slice(numbers: range, each: int = 1) -> slice:
    return slice(numbers.start * each, numbers.stop * each)
