"""An array as a tree of blocks: which ports a block has, and which of them vanish when two blocks are joined.

A block of cells is known to the rest of the array only through the wires that cross its border. Left and bottom ports
are driven by a voltage and answer with a current, right and top ports are the other way round:

    (i_left, i_bottom, v_right, v_top) = H (v_left, v_bottom, i_right, i_top),    H = [[Y, A], [A^T, -Z]]

with Y and Z positive semidefinite, whatever the resistances and conductances, zero included. Currents enter at the left
and the bottom and leave at the right and the top, so H is symmetric. Each cell owns the wire to its left (the driver in
the first column) and the wire below it (the sense amplifier in the last row), so joining two blocks means: the current
that the one draws is the current that the other gives, and both see one voltage. At the border of the array the right
and top ports carry no current and do not exist.

Two blocks of one size and on the same borders of the array look alike: a `Join` says once how such blocks are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Port = tuple[str, int]


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
    def cell(self) -> bool:
        """True for a single cell, where the tree ends."""
        return self.rows == self.cols == 1

    @property
    def small(self) -> bool:
        """True up to 2 x 2 cells: compiled code keeps these in registers, one order of ports for all borders."""
        return self.rows <= 2 and self.cols <= 2

    @property
    def ports(self) -> tuple[Port, ...]:
        """The ports that exist, in the order in which `H` stores them."""
        if self.cell:
            sides = ["L", "B"] + ["R"] * (not self.right) + ["T"] * (not self.top)
            return tuple((side, 0) for side in sides)
        return join(self).ports


@dataclass(frozen=True)
class Join:
    """`giver`'s right (top) ports meet `taker`'s left (bottom) ports; the other ports remain, the giver's first.

    The index tuples point into the children's ports: `kept` ones stay ports of the joined block, `met` ones vanish.
    """

    giver: Block
    taker: Block
    down: int  # where the children stand in the joined block: rows above the giver,
    across: int  # and columns left of the taker
    giver_kept: tuple[int, ...]
    giver_met: tuple[int, ...]
    taker_kept: tuple[int, ...]
    taker_met: tuple[int, ...]
    ports: tuple[Port, ...]


@lru_cache(maxsize=4096)
def join(block: Block) -> Join:
    """Halve a block across its longer side."""
    left, bottom, right, top = block.left, block.bottom, block.right, block.top
    down = across = 0
    if block.cols >= block.rows:
        across = (block.cols + 1) // 2
        giver = Block(block.rows, across, left, bottom, False, top)
        taker = Block(block.rows, block.cols - across, False, bottom, right, top)
        gives, takes = "R", "L"
    else:
        down = block.rows // 2
        giver = Block(block.rows - down, block.cols, left, bottom, right, False)
        taker = Block(down, block.cols, left, False, right, top)
        gives, takes = "T", "B"
    giver_kept = _kept(giver, gives, block)
    taker_kept = _kept(taker, takes, block)
    giver_met = tuple(giver.ports.index((gives, n)) for n in range(len(giver.ports) - len(giver_kept)))
    taker_met = tuple(taker.ports.index((takes, n)) for n in range(len(taker.ports) - len(taker_kept)))
    ports = tuple((s, n + down * (s in "LR")) for s, n in (giver.ports[k] for k in giver_kept))
    ports += tuple((s, n + across * (s in "BT")) for s, n in (taker.ports[k] for k in taker_kept))
    return Join(giver, taker, down, across, giver_kept, giver_met, taker_kept, taker_met, ports)


def _kept(child: Block, met: str, block: Block) -> tuple[int, ...]:
    """Ports on the array's driven and grounded borders first, as nobody asks how they act on themselves."""
    order = "LBRT" if block.small else "L" * block.left + "B" * block.bottom + "LBRT"
    kept = [port for port, (side, _) in enumerate(child.ports) if side != met]
    return tuple(sorted(kept, key=lambda port: order.index(child.ports[port][0])))
