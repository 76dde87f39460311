"""The tree of blocks written out as tables of steps for the compiled solver.

`steps`, one row a block, upstream before downstream before the block merged from them:

    merge           row of `merges`, or -1 for a small block
    shape           code of a small block: 8 (rows - 1) + 4 (cols - 1) + (no right ports)
                    + 2 (no top ports)
    row, col        place of a small block in the array
    at_driver       1 if a small block touches the drivers,
    at_sense        1 if it touches the sense amplifiers
    upstream        offset of the upstream child's H, and of
    downstream      the downstream child's H
    result          offset of the block's own H
    factors         offset of the merge's factors among the saved or the recomputed ones
    recompute_from  first step of the subtree that the adjoint recomputes before it comes to this
                    merge, or -1

`merges`, one row for each class of congruent merges: the number of interior ports, of exterior
ports of either child, how many of these stand first that are driven (left border of the array) and
grounded (bottom border), and where the children's lists of exterior and interior ports begin in
`ranges`.

`ranges`: ports that stand side by side in a child, by the first `port` there, the first `place` in
the list of ports, and their number.

All offsets count vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..dissection import Block, Merge, merge_of
from .merge import factors_size, pitch
from .small_blocks import shape_code

Table = NDArray[np.void]
Ints = NDArray[np.int64]


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


STEP = _record(
    "merge", "shape", "row", "col", "at_driver", "at_sense",
    "upstream", "downstream", "result", "factors", "recompute_from",
)  # fmt: skip
MERGE = _record(
    "interior", "up_exterior", "down_exterior",
    "up_driven", "up_grounded", "down_driven", "down_grounded",
    "up_exterior_ranges", "up_interior_ranges", "down_exterior_ranges", "down_interior_ranges",
    "ranges_end",
)  # fmt: skip
RANGE = _record("port", "place", "length")


class Tables(NamedTuple):
    """The tables as compiled code reads them."""

    steps: Table
    merges: Table
    ranges: Table
    entries: Ints  # for each cell of W: its place in the H of the whole array
    min_saved: int  # interior ports from which a merge's factors are saved


@dataclass(frozen=True, eq=False)
class Schedule:
    """Tables for one shape of tile, and the room they need; all sizes count vectors."""

    tables: Tables
    blocks: int  # for H, or dL/dH on the way down
    scratch: int
    saved: int  # for the factors of all saved merges
    largest_factors: int
    recomputed: int  # for the factors of the small merges of one subtree


@dataclass
class _Subtree:
    """The steps of one block as if it stood at the origin."""

    steps: Table
    blocks: int
    # Room for the factors of its saved merges, and of its small ones if they share one
    # recomputation with those above.
    factors: int


@lru_cache(maxsize=64)
def schedule(rows: int, cols: int, min_saved: int) -> Schedule:
    """Write out the tree of a rows x cols tile, depth first; results stand before their children.

    Merges of fewer than `min_saved` interior ports are not saved for the adjoint but recomputed:
    that is cheaper than reading them back, and saved they would not fit the memory's bandwidth.
    """
    return _Builder(min_saved).build(rows, cols)


class _Builder:
    def __init__(self, min_saved: int) -> None:
        self.min_saved = min_saved
        self.merges: list[tuple[int, ...]] = []
        self.ranges: list[tuple[int, int, int]] = []
        self.subtrees: dict[Block, _Subtree] = {}
        self.scratch = self.largest_factors = self.recomputed = 0

    def build(self, rows: int, cols: int) -> Schedule:
        whole = Block(rows, cols)
        tree = self.recompute_if_small(self.visit(whole), whole)
        place = {port: n for n, port in enumerate(whole.ports)}
        width = pitch(len(place))
        pairs = [(place["L", i], place["B", j]) for i in range(rows) for j in range(cols)]
        entries = np.array([max(pair) * width + min(pair) for pair in pairs], dtype=np.int64)
        tables = Tables(
            steps=tree.steps,
            merges=np.array(self.merges or [(0,) * len(MERGE.fields or ())], dtype=MERGE),
            ranges=np.array(self.ranges, dtype=RANGE),
            entries=entries,
            min_saved=self.min_saved,
        )
        return Schedule(
            tables=tables,
            blocks=tree.blocks,
            scratch=self.scratch,
            saved=tree.factors,
            largest_factors=self.largest_factors,
            recomputed=self.recomputed,
        )

    def visit(self, block: Block) -> _Subtree:
        if block not in self.subtrees:
            self.subtrees[block] = self.leaf(block) if block.is_small else self.inner(block)
        return self.subtrees[block]

    def leaf(self, block: Block) -> _Subtree:
        step = np.zeros(1, STEP)
        step["merge"] = step["recompute_from"] = -1
        step["shape"] = shape_code(block)
        step["at_driver"], step["at_sense"] = block.left, block.bottom
        return _Subtree(step, _size(block), 0)

    def inner(self, block: Block) -> _Subtree:
        step = merge_of(block)
        upstream, downstream = self.visit(step.upstream), self.visit(step.downstream)
        q = len(step.upstream_interior)
        exterior = len(step.upstream_exterior) + len(step.downstream_exterior)
        is_small = q < self.min_saved
        if not is_small:
            upstream = self.recompute_if_small(upstream, step.upstream)
            downstream = self.recompute_if_small(downstream, step.downstream)
        at_upstream = _size(block)
        at_downstream = at_upstream + _size(step.upstream)
        before = upstream.factors + downstream.factors
        own = np.zeros(1, STEP)
        own["merge"], own["factors"], own["recompute_from"] = len(self.merges), before, -1
        own["upstream"], own["downstream"] = at_upstream, at_downstream
        # Below a small merge all factors stand side by side, below a large one the saved ones.
        shared = np.array([is_small or m[0] >= self.min_saved for m in self.merges], dtype=bool)
        up_steps = _moved(upstream.steps, step.rows_above, 0, at_upstream)
        down_steps = _moved(downstream.steps, 0, step.cols_left, at_downstream)
        _shift_factors(down_steps, upstream.factors, shared)
        recomputes = down_steps["recompute_from"] >= 0
        down_steps["recompute_from"][recomputes] += len(up_steps)
        self.add_merge(block, step)
        factors = factors_size(q, exterior)
        self.scratch = max(self.scratch, 2 * exterior * q + 6 * q * q + q)
        self.largest_factors = max(self.largest_factors, factors)
        if is_small:
            self.recomputed = max(self.recomputed, before + factors)
        room = max(at_upstream + upstream.blocks, at_downstream + downstream.blocks)
        return _Subtree(np.concatenate([up_steps, down_steps, own]), room, before + factors)

    def add_merge(self, block: Block, step: Merge) -> None:
        lists = (
            step.upstream_exterior, step.upstream_interior,
            step.downstream_exterior, step.downstream_interior,
        )  # fmt: skip
        starts = []
        for ports in lists:
            starts.append(len(self.ranges))
            self.ranges += _consecutive(ports)
        sizes = len(lists[1]), len(lists[0]), len(lists[2])
        borders = [
            count
            for child, exterior in ((step.upstream, lists[0]), (step.downstream, lists[2]))
            for count in _driven_and_grounded(block, child, exterior)
        ]
        self.merges.append((*sizes, *borders, *starts, len(self.ranges)))

    def recompute_if_small(self, tree: _Subtree, block: Block) -> _Subtree:
        """Drop the factors of a block whose own merge is small: the adjoint recomputes its subtree.

        For a block that merges with another one in a large merge, or in none.
        """
        if block.is_small or len(merge_of(block).upstream_interior) >= self.min_saved:
            return tree
        steps = tree.steps.copy()
        steps["recompute_from"][-1] = 0
        return _Subtree(steps, tree.blocks, 0)


def _size(block: Block) -> int:
    ports = len(block.ports)
    return ports * pitch(ports)


def _moved(steps: Table, rows: int, cols: int, offset: int) -> Table:
    """Steps of a block that stands elsewhere in the array, and its results in the workspace."""
    steps = steps.copy()
    is_merge = steps["merge"] >= 0
    steps["result"] += offset
    for field in ("upstream", "downstream"):
        steps[field][is_merge] += offset
    steps["row"][~is_merge] += rows
    steps["col"][~is_merge] += cols
    return steps


def _shift_factors(steps: Table, offset: int, shared: NDArray[np.bool_]) -> None:
    """Move the factors of those merges that share one region with the block's upstream child."""
    is_merge = steps["merge"] >= 0
    steps["factors"][is_merge] += offset * shared[steps["merge"][is_merge]]


def _consecutive(ports: Sequence[int]) -> list[tuple[int, int, int]]:
    """Ports that stand side by side: first one, its place in the list, how many."""
    starts = [n for n, port in enumerate(ports) if n == 0 or port != ports[n - 1] + 1]
    stops = [*starts[1:], len(ports)]
    return [(ports[n], n, stop - n) for n, stop in zip(starts, stops, strict=True)]


def _driven_and_grounded(block: Block, child: Block, exterior: Sequence[int]) -> tuple[int, int]:
    """Numbers of driven and grounded ports, which stand first among a child's exterior ones."""
    sides = [child.ports[k][0] for k in exterior]
    return sides.count("L") * block.left, sides.count("B") * block.bottom
