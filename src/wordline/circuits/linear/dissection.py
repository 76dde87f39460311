"""Nested dissection of an array: a tree of blocks, their ports, and the interface two blocks share.

A block of cells is known to the rest of the array only through the wires that cross its border.
Left and bottom ports are driven by a voltage and answer with a current, right and top ports are the
other way round, so that a block is a hybrid multiport matrix:

    (i_left, i_bottom, v_right, v_top) = H (v_left, v_bottom, i_right, i_top)

    H = [[Y, A], [A^T, -Z]]

with Y and Z positive semidefinite, whatever the resistances and conductances, zero included.
Currents enter at the left and the bottom and leave at the right and the top, so H is symmetric.
Each cell owns the wire to its left (the driver in the first column) and the wire below it (the
sense amplifier in the last row), so merging two blocks means: the current that the downstream block
draws is the current that the upstream one delivers, and both have one voltage there. At the border
of the array the right and top ports carry no current and do not exist.

Two blocks of one size and on the same borders of the array are congruent: a `Merge` says once how
such blocks are made. George (1973) orders the elimination of a grid in this way; docs/solver.md has
the references.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Port = tuple[str, int]  # side "L", "B", "R" or "T", and the row or column within the block


@dataclass(frozen=True, order=True)
class Block:
    """A rectangle of cells and the borders of the array that it touches."""

    rows: int
    cols: int
    left: bool = True
    bottom: bool = True
    right: bool = True
    top: bool = True

    @property
    def is_cell(self) -> bool:
        """True for a single cell, where the tree ends."""
        return self.rows == self.cols == 1

    @property
    def is_small(self) -> bool:
        """True up to 2 x 2 cells, which compiled code keeps in registers.

        Their ports have one order whatever borders they touch.
        """
        return self.rows <= 2 and self.cols <= 2

    @property
    def ports(self) -> tuple[Port, ...]:
        """The ports that exist, in the order in which `H` stores them."""
        if self.is_cell:
            sides = ["L", "B"] + ["R"] * (not self.right) + ["T"] * (not self.top)
            return tuple((side, 0) for side in sides)
        return merge_of(self).ports


@dataclass(frozen=True)
class Merge:
    """The merge of an upstream and a downstream block.

    The upstream block's right (top) ports connect to the downstream block's left (bottom) ports:
    those are `interior` and vanish. The `exterior` ones stay ports of the merged block, the
    upstream block's first. The index tuples point into the children's ports.
    """

    upstream: Block
    downstream: Block
    rows_above: int  # rows of the merged block above the upstream block
    cols_left: int  # columns of the merged block left of the downstream block
    upstream_exterior: tuple[int, ...]
    upstream_interior: tuple[int, ...]
    downstream_exterior: tuple[int, ...]
    downstream_interior: tuple[int, ...]
    ports: tuple[Port, ...]


@lru_cache(maxsize=4096)
def merge_of(block: Block) -> Merge:
    """Describe the merge of the two halves of a block, cut across its longer side."""
    left, bottom, right, top = block.left, block.bottom, block.right, block.top
    rows_above = cols_left = 0
    if block.cols >= block.rows:
        cols_left = (block.cols + 1) // 2
        upstream = Block(block.rows, cols_left, left, bottom, False, top)
        downstream = Block(block.rows, block.cols - cols_left, False, bottom, right, top)
        out_of, into = "R", "L"
    else:
        rows_above = block.rows // 2
        upstream = Block(block.rows - rows_above, block.cols, left, bottom, right, False)
        downstream = Block(rows_above, block.cols, left, False, right, top)
        out_of, into = "T", "B"
    up_exterior = _exterior(upstream, out_of, block)
    down_exterior = _exterior(downstream, into, block)
    width = len(upstream.ports) - len(up_exterior)
    up_interior = tuple(upstream.ports.index((out_of, n)) for n in range(width))
    down_interior = tuple(downstream.ports.index((into, n)) for n in range(width))
    ports = tuple(
        (side, n + rows_above * (side in "LR"))
        for side, n in (upstream.ports[k] for k in up_exterior)
    )
    ports += tuple(
        (side, n + cols_left * (side in "BT"))
        for side, n in (downstream.ports[k] for k in down_exterior)
    )
    return Merge(
        upstream=upstream,
        downstream=downstream,
        rows_above=rows_above,
        cols_left=cols_left,
        upstream_exterior=up_exterior,
        upstream_interior=up_interior,
        downstream_exterior=down_exterior,
        downstream_interior=down_interior,
        ports=ports,
    )


def _exterior(child: Block, interface: str, block: Block) -> tuple[int, ...]:
    """Ports of a child off the interface; those on the array's driven and grounded borders first.

    How a driven port acts on another driven one, or a grounded on a grounded, is never needed.
    """
    order = "LBRT" if block.is_small else "L" * block.left + "B" * block.bottom + "LBRT"
    exterior = [port for port, (side, _) in enumerate(child.ports) if side != interface]
    return tuple(sorted(exterior, key=lambda port: order.index(child.ports[port][0])))
