"""The tree of blocks as the compiled solver walks it: leaves, and joins of two blocks.

A leaf is a block whose whole arithmetic is generated code. It has all its ports, those too that do
not exist at the array's border: there no current flows and nothing asks for their voltages, so that
the join above a leaf passes them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ..dissection import Block, Port, merge_of

LEAVES = ((1, 1), (1, 2), (2, 1), (2, 2), (4, 4))  # rows and columns


class Span(NamedTuple):
    """Ports that stand side by side in a child: the first, its place in a list, how many."""

    port: int
    place: int
    length: int


@dataclass(frozen=True)
class Side:
    """A join's view of one child.

    The `exterior` ports stay; of these `driven` (left border of the array) stand first, then
    `grounded` (bottom border). The `interior` ones vanish.
    """

    block: Block
    rows: int  # of the array, from the joined block's bottom or top to the child's
    cols: int
    exterior: tuple[Span, ...]
    interior: tuple[Span, ...]
    driven: int
    grounded: int
    count: int  # of exterior ports

    @property
    def border(self) -> int:
        """The number of ports on the array's driven and grounded borders."""
        return self.driven + self.grounded

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of driven, grounded and all exterior ports."""
        return self.driven, self.grounded, self.count


@dataclass(frozen=True)
class Join:
    """A block made of two; `interior` ports of either vanish."""

    interior: int
    upstream: Side
    downstream: Side
    ports: tuple[Port, ...]


def is_leaf(block: Block) -> bool:
    """Tell whether generated code makes the block."""
    return (block.rows, block.cols) in LEAVES


def leaf(rows: int, cols: int) -> Block:
    """Describe a leaf with all its ports."""
    return Block(rows, cols, left=False, bottom=False, right=False, top=False)


def has_idle_ports(block: Block) -> bool:
    """Tell whether some ports of a leaf do not exist in the array."""
    return is_leaf(block) and (block.right or block.top)


def ports_of(block: Block) -> tuple[Port, ...]:
    """List the ports in the order in which the compiled solver stores H; a leaf's side by side."""
    if is_leaf(block):
        return tuple(sorted(leaf(block.rows, block.cols).ports, key=_by_side))
    return join(block).ports


def _by_side(port: Port) -> tuple[int, int]:
    return "LBRT".index(port[0]), port[1]


def pitch(n: int) -> int:
    """Space the rows of a large matrix by an odd number of vectors.

    Otherwise the entries of a column would compete for the same sets of the cache.
    """
    return n if n < 16 else n | 1


def size_of(block: Block) -> int:
    """Count the vectors of a block's H."""
    ports = len(ports_of(block))
    return ports * pitch(ports)


@lru_cache(maxsize=4096)
def join(block: Block) -> Join:
    """Describe how the two halves of a block are joined."""
    step = merge_of(block)
    out_of, into = ("R", "L") if step.cols_left else ("T", "B")
    width = block.rows if step.cols_left else block.cols
    upstream = _side(step.upstream, block, out_of, width, step.rows_above, 0)
    downstream = _side(step.downstream, block, into, width, 0, step.cols_left)
    ports = tuple(
        (side, n + (child.rows if side in "LR" else child.cols))
        for child in (upstream, downstream)
        for side, n in (ports_of(child.block)[k] for k in _listed(child.exterior))
    )
    return Join(width, upstream, downstream, ports)


def _side(child: Block, block: Block, interface: str, width: int, rows: int, cols: int) -> Side:
    ports = ports_of(child)
    missing = "R" * child.right + "T" * child.top + interface
    order = "L" * block.left + "B" * block.bottom + "LBRT"
    exterior = [port for port, (side, _) in enumerate(ports) if side not in missing]
    exterior.sort(key=lambda port: order.index(ports[port][0]))
    sides = [ports[port][0] for port in exterior]
    interior = [ports.index((interface, n)) for n in range(width)]
    return Side(
        child, rows, cols, _spans(exterior), _spans(interior),
        driven=sides.count("L") * block.left, grounded=sides.count("B") * block.bottom,
        count=len(exterior),
    )  # fmt: skip


def _spans(ports: Sequence[int]) -> tuple[Span, ...]:
    starts = [n for n, port in enumerate(ports) if n == 0 or port != ports[n - 1] + 1]
    stops = [*starts[1:], len(ports)]
    return tuple(Span(ports[n], n, stop - n) for n, stop in zip(starts, stops, strict=True))


def _listed(spans: Sequence[Span]) -> list[int]:
    return [span.port + n for span in spans for n in range(span.length)]
