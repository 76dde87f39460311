"""The effective conductance on the CPU: one vector lane per tile, the tree of blocks walked depth first.

The same joins as in `portable.py`, with three savings: only lower triangles are computed, nothing is computed that the
array's borders make useless, and a block is joined while it is still in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, no_type_check

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from ..typing import Siemens
from .dissection import Block, join
from .lanes import VECTOR_BYTES
from .lanes_cells import small_gradient, small_matrix
from .lanes_joins import join_blocks, unjoin_blocks
from .wires import Wires

Ints = NDArray[np.int64]
_WORKSPACES_BYTES = 1_500_000_000  # of all threads together
_PIECE_CELLS = 4096  # of one lane, at least: a millisecond's work, so that calls and threads cost nothing


class Program(NamedTuple):
    """What to do for one shape of tile, and where in the workspace; all numbers count vectors."""

    steps: Ints  # join: kind, giver, taker, result, keep; small block: -1 - kind, row, col, result, borders
    kinds: Ints  # one row for each kind of join, see `lanes_joins`
    ports: Ints
    blocks: int  # size of the part that holds H, or dL/dH on the way down
    scratch: int
    keep: int
    keep_one: int
    answer: Ints  # for each cell: where in H of the whole array the currents stand


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
        borders = []
        for child, kept in ((step.giver, step.giver_kept), (step.taker, step.taker_kept)):
            sides = [child.ports[k][0] for k in kept]
            borders += [sides.count("L") * block.left, sides.count("B") * block.bottom]
        last = np.array([[len(kinds), own, at_taker, 0, giver_keep + taker_keep]], dtype=np.int64)
        kinds.append([len(ports), q, pg, pt, *borders])
        for some in (step.giver_kept, step.giver_met, step.taker_kept, step.taker_met):
            ports.extend(some)
        scratch = max(scratch, 2 * q * q + max(pg, pt, q) * q, 3 * (pg + pt) * q + 6 * q * q)
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
    where = np.array(answer, dtype=np.int64).ravel()
    return Program(steps, table, np.array(ports, dtype=np.int64), blocks, scratch, keep, keep_one, where)


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
@no_type_check
def _upwards(ws, steps, kinds, ports, g, pitch, keep, keep_all, scratch, driver, row, col, sense):
    for s in range(steps.shape[0]):
        kind, at, last = steps[s, 0], steps[s, 3], steps[s, 4]
        if kind >= 0:
            here = keep + last if keep_all else keep
            join_blocks(ws, steps[s, 1], steps[s, 2], at, _sizes(kinds, kind), ports, here, scratch)
        else:
            source = g + steps[s, 1] * pitch + steps[s, 2]
            a, b = driver if last & 1 else row, sense if last & 2 else col
            small_matrix(ws, -1 - kind, at, source, pitch, a, row, col, b)


@njit(nogil=True, cache=True)
@no_type_check
def _downwards(ws, steps, kinds, ports, g, out, pitch, keep, scratch, driver, row, col, sense):
    for s in range(steps.shape[0] - 1, -1, -1):
        kind, at, last = steps[s, 0], steps[s, 3], steps[s, 4]
        if kind >= 0:
            unjoin_blocks(ws, steps[s, 1], steps[s, 2], at, _sizes(kinds, kind), ports, keep + last, scratch)
        else:
            cell = steps[s, 1] * pitch + steps[s, 2]
            a, b = driver if last & 1 else row, sense if last & 2 else col
            small_gradient(ws, -1 - kind, out + cell, g + cell, pitch, at, a, row, col, b)


@njit(nogil=True, cache=True)
@no_type_check
def _sizes(kinds, kind):
    k = kinds[kind]
    return k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7]


@njit(nogil=True, cache=True)
@no_type_check
def _to_lanes(ws, at, tiles, first, count):
    width = VECTOR_BYTES // ws.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(width):
            ws[(at + cell) * width + lane] = tiles[first + lane, cell] if lane < count else 0


@njit(nogil=True, cache=True)
@no_type_check
def _solve(ws, g, w, start, stop, cols, steps, kinds, ports, answer, blocks, scratch, driver, row, col, sense):
    """Tiles start to stop of g `(tiles, cells)`, a group of lanes at a time; ws holds blocks, scratch, keep, g."""
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


@njit(nogil=True, cache=True)
@no_type_check
def _adjoint(ws, g, bar, out, start, stop, cols, steps, kinds, ports, answer, blocks, scratch, driver, row, col, sense):
    """dL/dG at `out` from dL/dW at `bar`; ws holds blocks, scratch, all keeps, g, dL/dG."""
    width = VECTOR_BYTES // ws.itemsize
    cells = g.shape[1]
    size = cells // cols + cols
    at_out = ws.shape[0] // width - cells
    at_g = at_out - cells
    keep = blocks + scratch
    for first in range(start, stop, width):
        count = min(width, stop - first)
        _to_lanes(ws, at_g, g, first, count)
        _upwards(ws, steps, kinds, ports, at_g, cols, keep, True, blocks, driver, row, col, sense)
        ws[: size * size * width] = 0
        for cell in range(cells):
            i, j = answer[cell] // size, answer[cell] % size
            for lane in range(count):
                half = bar[first + lane, cell] / -2
                ws[(i * size + j) * width + lane] = half
                ws[(j * size + i) * width + lane] = half
        _downwards(ws, steps, kinds, ports, at_g, at_out, cols, keep, blocks, driver, row, col, sense)
        for cell in range(cells):
            for lane in range(count):
                out[first + lane, cell] = ws[(at_out + cell) * width + lane]


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Effective conductance of a batch of tiles `(tiles, rows, cols)`."""
    p = program(*g.shape[1:])
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    _in_threads(_solve, p, p.keep_one + g[0].numel(), wires, g, out)
    return out


def adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """dL/dG from dL/dW, both `(tiles, rows, cols)`, without differentiating through the solve."""
    p = program(*g.shape[1:])
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    _in_threads(_adjoint, p, p.keep + 2 * g[0].numel(), wires, g, grad, out)
    return out


def _in_threads(run: Callable[..., None], p: Program, extra: int, wires: Wires, *tensors: Tensor) -> None:
    """Groups of tiles on as many threads as torch uses; each group's bits depend on nothing but the group."""
    tiles, _, cols = tensors[0].shape
    arrays = [tensor.contiguous().view(tiles, -1).numpy() for tensor in tensors]
    dtype = arrays[0].dtype
    ohms = [dtype.type(x) for x in (wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm)]
    width = VECTOR_BYTES // dtype.itemsize
    size = p.blocks + p.scratch + extra
    groups = -(-tiles // width)
    threads = max(1, min(torch.get_num_threads(), groups, _WORKSPACES_BYTES // (size * VECTOR_BYTES)))
    piece = width * max(1, min(_PIECE_CELLS // arrays[0].shape[1], groups // (4 * threads)))
    starts = iter(range(0, tiles, piece))  # shared: whoever is free takes the next piece

    def work() -> None:
        raw = np.empty((size + 1) * width, dtype)
        skip = -raw.ctypes.data % VECTOR_BYTES // dtype.itemsize
        ws = raw[skip : skip + size * width]
        for start in starts:
            stop = min(tiles, start + piece)
            tables = (p.steps, p.kinds, p.ports, p.answer, p.blocks, p.scratch)
            run(ws, *arrays, start, stop, cols, *tables, *ohms)

    if threads == 1:
        return work()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
