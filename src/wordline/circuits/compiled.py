"""The effective conductance on the CPU: one vector lane per tile, the tree of blocks walked depth first.

The same joins as in `portable.py`, with three savings: only lower triangles are computed, nothing is computed that the
array's borders make useless, and a block is joined while it is still in the cache.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .dissection import Block, join
from .lanes import VECTOR_BYTES
from .lanes_cells import small_matrix
from .lanes_joins import join_blocks

Ints = NDArray[np.int64]


class Program(NamedTuple):
    """What to do for one shape of tile, and where in the workspace; all numbers count vectors."""

    steps: Ints  # join: kind, giver, taker, result, keep; small block: -1 - kind, row, col, result, borders
    kinds: Ints  # one row for each kind of join, see `lanes_joins`
    ports: Ints
    blocks: int  # size of the part that holds H, or dL/dH on the way down
    scratch: int
    keep: int
    keep_one: int
    answer: Ints  # rows x cols: where in H of the whole array the currents stand


@lru_cache(maxsize=64)
def program(rows: int, cols: int) -> Program:
    """Depth first, the giver before the taker; each result stands in memory before what it is made of."""
    kinds: list[list[int]] = []
    ports: list[int] = []
    parts: dict[Block, tuple[Ints, int, int]] = {}  # steps, vectors of blocks, vectors to keep
    scratch = keep_one = 0

    def visit(block: Block) -> tuple[Ints, int, int]:
        nonlocal scratch, keep_one
        if block in parts:
            return parts[block]
        own = len(block.ports) ** 2
        if block.small:
            shape = 8 * (block.rows - 1) + 4 * (block.cols - 1) + block.right + 2 * block.top
            steps = np.array([[-1 - shape, 0, 0, 0, block.left + 2 * block.bottom]], dtype=np.int64)
            parts[block] = steps, own, 0
            return parts[block]
        step = join(block)
        (giver, giver_size, giver_keep), (taker, taker_size, taker_keep) = visit(step.giver), visit(step.taker)
        at_taker = own + len(step.giver.ports) ** 2
        giver = _moved(giver, step.down, 0, own, 0)
        taker = _moved(taker, 0, step.across, at_taker, giver_keep)
        q, pg, pt = len(step.giver_met), len(step.giver_kept), len(step.taker_kept)
        sides = ["".join(child.ports[k][0] for k in kept) for child, kept in
                 ((step.giver, step.giver_kept), (step.taker, step.taker_kept))]
        borders = [side.count(which) * there for side in sides for which, there in (("L", block.left), ("B", block.bottom))]
        last = np.array([[len(kinds), own, at_taker, 0, giver_keep + taker_keep]], dtype=np.int64)
        kinds.append([len(ports), q, pg, pt, *borders])
        for some in (step.giver_kept, step.giver_met, step.taker_kept, step.taker_met):
            ports.extend(some)
        scratch = max(scratch, 2 * q * q + max(pg, pt, q) * q)
        keeps = (pg + pt + 3 * q) * q
        keep_one = max(keep_one, keeps)
        size = max(own + giver_size, at_taker + taker_size)
        parts[block] = np.concatenate([giver, taker, last]), size, giver_keep + taker_keep + keeps
        return parts[block]

    whole = Block(rows, cols)
    steps, blocks, keep = visit(whole)
    place = {port: n for n, port in enumerate(whole.ports)}
    pairs = [[(place["L", i], place["B", j]) for j in range(cols)] for i in range(rows)]
    answer = [[max(pair) * len(place) + min(pair) for pair in row] for row in pairs]
    table = np.array(kinds, dtype=np.int64).reshape(-1, 8)
    return Program(steps, table, np.array(ports, dtype=np.int64), blocks, scratch, keep, keep_one, np.array(answer))


def _moved(steps: Ints, down: int, across: int, at: int, keep: int) -> Ints:
    steps = steps.copy()
    joins = steps[:, 0] >= 0
    steps[:, 3] += at
    steps[joins, 1:3] += at
    steps[joins, 4] += keep
    steps[~joins, 1] += down
    steps[~joins, 2] += across
    return steps


@njit(nogil=True, cache=True)
def _upwards(ws, steps, kinds, ports, g, pitch, keep, keep_all, scratch, driver, row, col, sense):
    for s in range(steps.shape[0]):
        kind, at, last = steps[s, 0], steps[s, 3], steps[s, 4]
        if kind >= 0:
            k = kinds[kind]
            eight = (k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7])
            join_blocks(ws, steps[s, 1], steps[s, 2], at, eight, ports, keep + last if keep_all else keep, scratch)
        else:
            source = g + steps[s, 1] * pitch + steps[s, 2]
            a, b = driver if last & 1 else row, sense if last & 2 else col
            small_matrix(ws, -1 - kind, at, source, pitch, a, row, col, b)


@njit(nogil=True, cache=True)
def _to_lanes(ws, at, tiles, first, count):
    width = VECTOR_BYTES // ws.itemsize
    cells = tiles.shape[1]
    for cell in range(cells):
        for lane in range(width):
            ws[(at + cell) * width + lane] = tiles[first + lane, cell] if lane < count else 0


@njit(nogil=True, cache=True)
def solve_groups(ws, g, w, start, stop, cols, steps, kinds, ports, answer, blocks, scratch, driver, row, col, sense):
    """Tiles start..stop, a group of lanes at a time. g, w: (tiles, cells). ws: blocks, scratch, keep, g."""
    width = VECTOR_BYTES // ws.itemsize
    cells = g.shape[1]
    at_g = ws.shape[0] // width - cells
    for first in range(start, stop, width):
        count = min(width, stop - first)
        _to_lanes(ws, at_g, g, first, count)
        _upwards(ws, steps, kinds, ports, at_g, cols, blocks + scratch, False, blocks, driver, row, col, sense)
        for cell in range(cells):
            for lane in range(count):
                w[first + lane, cell] = -ws[answer[cell] * width + lane]
