"""The levels of the tree of an array, as index tensors: what `reference` merges, in which order.

A level's blocks can be merged together where they have the same ports. Blocks on the borders of the
array lack some, but nothing forbids to keep those: at a right or top border the current is zero. So
all small blocks of one size are one class, kept with the ports of a block in the interior, and one
batched product merges them for all tiles; their cells know which resistances they own. Ports that
carry nothing cost arithmetic, which counts in large blocks: these drop them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from .dissection import Block, merge_of

_SMALL = 4  # blocks of which as many or more make up the array


@dataclass(frozen=True, eq=False)
class Child:
    """One of the two blocks that a merge joins, for all merges of a class."""

    block: Block
    members: Tensor  # indices within the class of `block`, (merges,)
    ports: Tensor  # indices into the ports of `block`: exterior ones, then the interface


@dataclass(frozen=True, eq=False)
class Level:
    """All merges that make the blocks of one class; `width`: ports of the interface."""

    block: Block
    width: int
    upstream: Child
    downstream: Child


@dataclass(frozen=True, eq=False)
class Plan:
    """The merges of an array, small blocks first, and where its terminals are at the end."""

    levels: tuple[Level, ...]
    root: Block
    inputs: Tensor  # indices into the ports of the root, (rows,)
    outputs: Tensor
    first_column: Tensor  # of cells, row by row: does its wire to the left hold the driver?
    last_row: Tensor


@dataclass
class _Members:
    upstream: list[int] = field(default_factory=list)
    downstream: list[int] = field(default_factory=list)


@lru_cache(maxsize=256)
def plan(rows: int, cols: int, device: torch.device) -> Plan:
    """Plan the merges of a rows x cols array, its indices on a device."""
    made: dict[Block, _Members] = {}

    def kept(block: Block) -> Block:
        """The block whose ports are kept."""
        small = block.is_cell or block.rows * block.cols * _SMALL <= rows * cols
        return interior(block) if small else block

    def place(block: Block, row: int, col: int) -> int:
        if block.is_cell:
            return row * cols + col
        step, members = merge_of(block), made.setdefault(kept(block), _Members())
        members.upstream.append(place(step.upstream, row + step.rows_above, col))
        members.downstream.append(place(step.downstream, row, col + step.cols_left))
        return len(members.upstream) - 1

    def index(values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.int64, device=device)

    def child(block: Block, members: list[int], ports: tuple[int, ...]) -> Child:
        own = kept(block)
        return Child(own, index(members), index([own.ports.index(block.ports[k]) for k in ports]))

    def level(block: Block, members: _Members) -> Level:
        step = merge_of(block)
        up, down = step.upstream_interior, step.downstream_interior
        return Level(
            block, len(up), child(step.upstream, members.upstream, step.upstream_exterior + up),
            child(step.downstream, members.downstream, step.downstream_exterior + down),
        )  # fmt: skip

    with torch.inference_mode(False):
        whole = Block(rows, cols)
        place(whole, 0, 0)
        cells, root = torch.arange(rows * cols, device=device), kept(whole)
        smallest_first = sorted(made.items(), key=lambda item: item[0].rows * item[0].cols)
        return Plan(
            levels=tuple(level(block, members) for block, members in smallest_first),
            root=root,
            inputs=index([root.ports.index(("L", i)) for i in range(rows)]),
            outputs=index([root.ports.index(("B", j)) for j in range(cols)]),
            first_column=cells % cols == 0,
            last_row=cells >= (rows - 1) * cols,
        )


def interior(block: Block) -> Block:
    """Return a block of this size that touches no border: it has ports on all four sides."""
    return Block(block.rows, block.cols, False, False, False, False)
