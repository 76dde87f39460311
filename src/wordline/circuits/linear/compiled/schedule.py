"""The tree of blocks written out as steps and programs for the machine.

One program serves all joins between congruent blocks. A step is one block: the rows of its program,
and in its registers where the blocks stand. All offsets count vectors. The workspace of a group of
lanes is

    blocks: H, then dL/dH | scratch | factors of one merge | g | dL/dG | recomputed factors

The result of a block stands before those of its children, so that the blocks of one path down the
tree are all that is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....kernels.machine import REGISTERS
from ....kernels.program import STREAM_IN, STREAM_OUT, Place, Program
from ..dissection import Block
from .joins import Join, is_leaf, join, pitch, ports_of, size_of
from .merge import (
    FACTORS,
    OUT,
    RESULT,
    SAVED,
    G,
    factors_size,
    scratch_size,
    write_factors,
    write_merge,
)
from .merge_adjoint import write_adjoint
from .small_blocks import GRADIENT, MATRIX

Ints = NDArray[np.int64]
Kind = Literal["solve", "save", "adjoint", "recompute"]
MIN_SAVED = 8  # interior ports; factors of smaller merges are recomputed sooner than read back
_NOTHING_SAVED = 1 << 40


class Tables(NamedTuple):
    """Tables for compiled code: the machine's steps and program, and places in the workspace."""

    steps: Ints
    program: Ints
    entries: Ints  # for each cell of W: its place in the H of the whole array
    pitch: int  # from row to row of that H
    g: int  # vectors before g, and before dL/dG
    out: int


@dataclass(frozen=True, eq=False)
class Schedule:
    """Tables for one shape of tile, and the room they need; all sizes count vectors."""

    tables: Tables
    workspace: int
    saved: int  # for the factors of all saved merges


@lru_cache(maxsize=64)
def schedule(rows: int, cols: int, kind: Kind) -> Schedule:
    """Write out the tree of a rows x cols tile, depth first.

    `kind`: "solve" for W; "save" for W and the factors of large merges; "adjoint" for dL/dG from
    these, where factors of small merges are recomputed a subtree at a time; "recompute" for dL/dG
    from nothing but g.
    """
    return _Writer(rows, cols, kind).schedule


class _Writer:
    def __init__(self, rows: int, cols: int, kind: Kind) -> None:
        whole = Block(rows, cols)
        joins = _joins(whole)
        self.cols, self.program = cols, Program()
        self.programs: dict[tuple[str, Block], tuple[int, int]] = {}
        self.steps: list[tuple[int, ...]] = []
        self.min_saved = _NOTHING_SAVED if kind == "recompute" else MIN_SAVED
        self.scratch = _room(whole)
        self.factors = self.scratch + max(map(scratch_size, joins), default=0)
        self.g = self.factors + max(map(factors_size, joins), default=0)
        self.out, self.recomputed = self.g + rows * cols, self.g + 2 * rows * cols
        self.most_recomputed = 0
        spot = _Spot(whole, 0, 0, 0)
        if kind in ("solve", "save"):
            self.forward(spot, saves=kind == "save")
        else:
            self.backward(spot, 0, None)
        ports = ports_of(whole)
        width, place = pitch(len(ports)), {port: n for n, port in enumerate(ports)}
        pairs = [(place["L", i], place["B", j]) for i in range(rows) for j in range(cols)]
        entries = np.array([max(pair) * width + min(pair) for pair in pairs], np.int64)
        steps = np.array(self.steps, np.int64).reshape(-1, 2 + REGISTERS)
        tables = Tables(steps, self.program.table(), entries, width, self.g, self.out)
        size = self.recomputed + self.most_recomputed
        self.schedule = Schedule(tables, size, _kept(whole, MIN_SAVED))

    def forward(self, spot: _Spot, *, saves: bool, saved: int = 0) -> None:
        """Write the steps of a block's H; `saves`: factors too, from an offset among the saved."""
        if is_leaf(spot.block):
            return self.step("matrix", spot)
        up, down = spot.children()
        self.forward(up, saves=saves, saved=saved)
        saved += _kept(up.block, MIN_SAVED)
        self.forward(down, saves=saves, saved=saved)
        saved += _kept(down.block, MIN_SAVED)
        keeps = saves and join(spot.block).interior >= MIN_SAVED
        self.step("save" if keeps else "merge", spot, self.factors, saved)

    def backward(self, spot: _Spot, saved: int, kept: int | None) -> None:
        """Write the steps from dL/dH of a block to dL/dG of its cells, the last computed first.

        `saved`: offset of its subtree's factors among the saved; `kept`: among the recomputed, if
        they are.
        """
        if is_leaf(spot.block):
            return self.step("gradient", spot)
        up, down = spot.children()
        if join(spot.block).interior >= self.min_saved:
            after = saved + _kept(up.block, MIN_SAVED)
            own = after + _kept(down.block, MIN_SAVED)
            self.step("saved adjoint", spot, self.factors, own)
            self.backward(down, after, None)
            return self.backward(up, saved, None)
        if kept is None:
            kept = 0
            self.recompute(spot, 0, "factors")
            self.most_recomputed = max(self.most_recomputed, _kept(spot.block, 0))
        after = kept + _kept(up.block, 0)
        own = self.recomputed + after + _kept(down.block, 0)
        self.step("adjoint", spot, own)
        self.backward(down, saved, after)
        return self.backward(up, saved, kept)

    def recompute(self, spot: _Spot, kept: int, purpose: str) -> None:
        """Write the steps of a subtree's factors, side by side; H of its root is not needed."""
        if is_leaf(spot.block):
            return self.step("matrix", spot)
        for child in spot.children():
            self.recompute(child, kept, "keep")
            kept += _kept(child.block, 0)
        return self.step(purpose, spot, self.recomputed + kept)

    def step(self, purpose: str, spot: _Spot, factors: int = 0, saved: int = 0) -> None:
        """Write one step, and its program if it is the first of its kind."""
        key = purpose, spot.block
        if key not in self.programs:
            first = len(self.program.rows)
            self.write(purpose, spot.block)
            self.programs[key] = first, len(self.program.rows)
        cell = spot.row * self.cols + spot.col
        up, down = (0, 0) if is_leaf(spot.block) else (child.at for child in spot.children())
        places = self.scratch, up, down, spot.at, factors, self.g + cell, self.out + cell, saved
        self.steps.append((*self.programs[key], *places))

    def write(self, purpose: str, block: Block) -> None:
        p, shape = self.program, (block.rows, block.cols)
        borders = self.cols, int(block.left), int(block.bottom)
        if purpose == "matrix":
            return p.write(MATRIX[shape], (Place(RESULT), Place(G)), *borders)
        if purpose == "gradient":
            return p.write(GRADIENT[shape], (Place(OUT), Place(G), Place(RESULT)), *borders)
        here, size = join(block), factors_size(join(block))
        if purpose == "saved adjoint":
            p.write(STREAM_IN, (Place(FACTORS), Place(SAVED)), size)
        if purpose in ("adjoint", "saved adjoint"):
            return write_adjoint(p, here)
        write_factors(p, here, adjoint=purpose != "merge")
        if purpose != "factors":
            write_merge(p, here)
        if purpose == "save":
            p.write(STREAM_OUT, (Place(SAVED), Place(FACTORS)), size)
        return None


@dataclass(frozen=True)
class _Spot:
    """A block, its place in the array, and the offset of its H."""

    block: Block
    row: int
    col: int
    at: int

    def children(self) -> tuple[_Spot, _Spot]:
        """The upstream and the downstream block it is made of."""
        here, first = join(self.block), self.at + size_of(self.block)
        places = first, first + size_of(here.upstream.block)
        up, down = (
            _Spot(side.block, self.row + side.rows, self.col + side.cols, at)
            for side, at in zip((here.upstream, here.downstream), places, strict=True)
        )
        return up, down


@lru_cache(maxsize=4096)
def _room(block: Block) -> int:
    """Count the vectors that the blocks of one path down the tree need."""
    if is_leaf(block):
        return size_of(block)
    up, down = _Spot(block, 0, 0, 0).children()
    return max(up.at + _room(up.block), down.at + _room(down.block))


@lru_cache(maxsize=4096)
def _kept(block: Block, least: int) -> int:
    """Count the vectors of the factors of a subtree's merges of at least so many interior ports."""
    if is_leaf(block):
        return 0
    here = join(block)
    own = factors_size(here) if here.interior >= least else 0
    return own + _kept(here.upstream.block, least) + _kept(here.downstream.block, least)


def _joins(block: Block) -> set[Join]:
    """Collect all joins of a tree."""
    if is_leaf(block):
        return set()
    here = join(block)
    return {here} | _joins(here.upstream.block) | _joins(here.downstream.block)
