"""The effective conductance on the CPU: one vector lane per tile, the tree of blocks walked depth first.

The same joins as in `portable.py`, with three savings: only lower triangles are computed, nothing is computed that the
array's borders make useless, and a block is joined while it is still in the cache.

The adjoint needs what the joins found on the way up. `solve_and_keep` keeps it, about 30 numbers for each cell of a
64 x 64 tile, until `MEMORY` is full; for the other tiles `adjoint` finds it again, a group of lanes at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, no_type_check

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels import kernel
from ..typing import Siemens
from . import conditioning
from .lanes import VECTOR_BYTES, fetch, stash
from .lanes_cells import small_gradient, small_matrix
from .lanes_joins import join_blocks, keep_size, meet_blocks, pitch, unjoin_blocks
from .lanes_memory import Memory
from .lanes_program import Program, program
from .wires import Wires

_WORKSPACES_BYTES = 1_500_000_000  # of all threads together
_PIECE_CELLS = 4096  # of one lane, at least: a millisecond's work, so that calls and threads cost nothing
MEMORY = Memory(1_000_000_000)  # for what solves keep for their adjoints, of the whole process
_LEAST_KEPT = 8  # ports that meet: what smaller joins leave is found again sooner than it is read from memory


@kernel()
@no_type_check
def _upwards(ws, first, stop, steps, kinds, runs, g, pitch, every, keep, scratch, driver, row, col, sense):
    """Some steps; what the joins leave stands side by side for the adjoint if `every`, else each overwrites it."""
    for s in range(first, stop):
        at, last = steps[s, 3], steps[s, 4]
        if steps[s, 0] >= 0:
            here = keep + last if every else keep
            join_blocks(ws, steps[s, 1], steps[s, 2], at, _sizes(kinds, steps[s, 0]), runs, every, here, scratch)
        else:
            source = g + steps[s, 1] * pitch + steps[s, 2]
            a, b = driver if last & 1 else row, sense if last & 2 else col
            small_matrix(ws, -1 - steps[s, 0], at, source, pitch, a, row, col, b)


@kernel()
@no_type_check
def _upwards_keeping(ws, state, at_state, least, steps, kinds, runs, g, pitch, keep, scratch, driver, row, col, sense):
    """All steps; what large joins leave goes to `state`."""
    for s in range(steps.shape[0]):
        kind = _sizes(kinds, steps[s, 0])
        if steps[s, 0] >= 0 and kind[0] >= least:
            join_blocks(ws, steps[s, 1], steps[s, 2], steps[s, 3], kind, runs, True, keep, scratch)
            stash(state, at_state + steps[s, 4], ws, keep, keep_size(kind))
        else:
            _upwards(ws, s, s + 1, steps, kinds, runs, g, pitch, False, keep, scratch, driver, row, col, sense)


@kernel()
@no_type_check
def _downwards(
    ws, state, at_state, least, steps, kinds, runs, g, out, pitch, keep, small, scratch, driver, row, col, sense
):  # fmt: skip
    """All steps backwards; what small joins left is found again at `small`."""
    for s in range(steps.shape[0] - 1, -1, -1):
        at, last, first = steps[s, 3], steps[s, 4], steps[s, 5]
        if steps[s, 0] >= 0:
            kind = _sizes(kinds, steps[s, 0])
            here = keep
            if kind[0] >= least:
                fetch(ws, keep, state, at_state + last, keep_size(kind))
            else:
                here = small + last
            if first >= 0:
                _upwards(ws, first, s, steps, kinds, runs, g, pitch, True, small, scratch, driver, row, col, sense)
                meet_blocks(ws, steps[s, 1], steps[s, 2], kind, runs, True, here, scratch)
            unjoin_blocks(ws, steps[s, 1], steps[s, 2], at, kind, runs, here, scratch)
        else:
            cell = steps[s, 1] * pitch + steps[s, 2]
            a, b = driver if last & 1 else row, sense if last & 2 else col
            small_gradient(ws, -1 - steps[s, 0], out + cell, g + cell, pitch, at, a, row, col, b)


@kernel()
@no_type_check
def _sizes(kinds, kind):
    k = kinds[max(kind, 0)]
    return k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8], k[9], k[10], k[11]


@kernel()
@no_type_check
def _to_lanes(ws, at, tiles, first, count):
    width = VECTOR_BYTES // ws.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(width):
            ws[(at + cell) * width + lane] = tiles[first + lane, cell] if lane < count else 0


@kernel()
@no_type_check
def _from_lanes(ws, at, tiles, first, count):
    width = VECTOR_BYTES // ws.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(count):
            tiles[first + lane, cell] = ws[(at + cell) * width + lane]


@kernel()
@no_type_check
def _answer(ws, tiles, first, count, answer):
    width = VECTOR_BYTES // ws.itemsize
    for cell in range(tiles.shape[1]):
        for lane in range(count):
            tiles[first + lane, cell] = -ws[answer[cell] * width + lane]


@kernel()
@no_type_check
def _question(ws, tiles, first, count, answer, size):
    """dL/dH of the whole array, both triangles, from dL/dW."""
    width = VECTOR_BYTES // ws.itemsize
    ld = pitch(size)
    ws[: size * ld * width] = 0
    for cell in range(tiles.shape[1]):
        i, j = answer[cell] // ld, answer[cell] % ld
        for lane in range(count):
            half = tiles[first + lane, cell] / -2
            ws[(i * ld + j) * width + lane] = half
            ws[(j * ld + i) * width + lane] = half


@kernel()
@no_type_check
def _solve(ws, state, g, w, start, stop, cols, least, steps, kinds, runs, answer, places, driver, row, col, sense):
    """Tiles start to stop of g `(tiles, cells)`, a group of lanes at a time; with a `state` what the adjoint needs."""
    width = VECTOR_BYTES // ws.itemsize
    scratch, keep, _, at_g, _, one_state = places
    for first in range(start, stop, width):
        count = min(width, stop - first)
        _to_lanes(ws, at_g, g, first, count)
        if state.shape[0] > 0:
            at = first // width * one_state
            _upwards_keeping(
                ws, state, at, least, steps, kinds, runs, at_g, cols, keep, scratch, driver, row, col, sense
            )  # fmt: skip
        else:
            end = steps.shape[0]
            _upwards(ws, 0, end, steps, kinds, runs, at_g, cols, False, keep, scratch, driver, row, col, sense)
        _answer(ws, w, first, count, answer)


@kernel()
@no_type_check
def _adjoint(
    ws, state, g, bar, out, start, stop, cols, least, steps, kinds, runs, answer, places, driver, row, col, sense
):  # fmt: skip
    """dL/dG at `out` from dL/dW at `bar`, with what `_solve` left in `state` or finding it again."""
    width = VECTOR_BYTES // ws.itemsize
    scratch, keep, small, at_g, at_out, one_state = places
    size = g.shape[1] // cols + cols
    for first in range(start, stop, width):
        count = min(width, stop - first)
        _to_lanes(ws, at_g, g, first, count)
        if state.shape[0] == 0:
            last = steps.shape[0] - 1
            _upwards(ws, 0, last, steps, kinds, runs, at_g, cols, True, small, scratch, driver, row, col, sense)
            if steps[last, 0] >= 0:
                kind = _sizes(kinds, steps[last, 0])
                here = small + steps[last, 4]
                meet_blocks(ws, steps[last, 1], steps[last, 2], kind, runs, True, here, scratch)
        _question(ws, bar, first, count, answer, size)
        at = first // width * one_state
        _downwards(
            ws, state, at, least, steps, kinds, runs, at_g, at_out, cols, keep, small, scratch, driver, row, col, sense
        )  # fmt: skip
        _from_lanes(ws, at_out, out, first, count)


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Effective conductance of a batch of tiles `(tiles, rows, cols)`."""
    return conditioning.solve(lambda some: _solved(some, wires, some.new_empty(0)), g, wires)


def solve_and_keep(g: Siemens, wires: Wires) -> tuple[Siemens, Tensor]:
    """As `solve`, the same bits, and what `adjoint` needs to be quick, for as many tiles as there is memory for.

    Nothing is kept of tiles that `conditioning` has solved otherwise.
    """
    kind = conditioning.kinds(g, wires)
    kept = len(g) if kind is None else int((kind == conditioning.ORDINARY).sum())
    lanes = VECTOR_BYTES // g.element_size()
    unit = program(*g.shape[1:], _LEAST_KEPT).keep * VECTOR_BYTES
    state = torch.from_numpy(MEMORY.lend(unit, -(-kept // lanes))).view(g.dtype)
    return conditioning.solve(lambda some: _solved(some, wires, _state_of(some, g, state)), g, wires), state


def adjoint(g: Siemens, grad: Siemens, wires: Wires, state: Tensor | None = None) -> Siemens:
    """dL/dG from dL/dW, both `(tiles, rows, cols)`, without differentiating through the solve; the same bits with and
    without a `state`."""
    state = g.new_empty(0) if state is None else state
    run = lambda some, bar: _gradient(some, bar, wires, _state_of(some, g, state))  # noqa: E731
    return conditioning.adjoint(run, g, grad, wires)


def _state_of(some: Tensor, g: Tensor, state: Tensor) -> Tensor:
    """What was kept belongs to the tiles that are solved in their own precision."""
    return state if some.dtype == g.dtype else some.new_empty(0)


def _gradient(g: Tensor, grad: Tensor, wires: Wires, state: Tensor) -> Tensor:
    kept = _tiles_kept(g, state)
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    if kept > 0:
        p = program(*g.shape[1:], _LEAST_KEPT)
        _in_threads(_adjoint, p, state, p.keep_small, p.least, wires, g[:kept], grad[:kept], out[:kept])
    if kept < len(g):
        p = program(*g.shape[1:], 1)
        _in_threads(_adjoint, p, g.new_empty(0), p.keep, 1 << 60, wires, g[kept:], grad[kept:], out[kept:])
    return out


def _solved(g: Tensor, wires: Wires, state: Tensor) -> Tensor:
    p = program(*g.shape[1:], _LEAST_KEPT)
    kept = _tiles_kept(g, state)
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    if kept > 0:
        _in_threads(_solve, p, state, 0, p.least, wires, g[:kept], out[:kept])
    if kept < len(g):
        _in_threads(_solve, p, g.new_empty(0), 0, p.least, wires, g[kept:], out[kept:])
    return out


def _tiles_kept(g: Tensor, state: Tensor) -> int:
    """What the joins of these tiles left is in `state`: none of one too small to have a large join."""
    unit = program(*g.shape[1:], _LEAST_KEPT).keep
    return min(len(g), len(state) // unit) if unit else 0


def _aligned(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    raw = np.empty(size + VECTOR_BYTES // dtype.itemsize, dtype)
    skip = -raw.ctypes.data % VECTOR_BYTES // dtype.itemsize
    return raw[skip : skip + size]


def _in_threads(
    run: Callable[..., None], p: Program, state: Tensor, small: int, least: int, wires: Wires, *tensors: Tensor
) -> None:
    """Groups of tiles on as many threads as torch uses; each group's bits depend on nothing but the group."""
    tiles, _, cols = tensors[0].shape
    arrays = [tensor.contiguous().view(tiles, -1).numpy() for tensor in tensors]
    cells, dtype = arrays[0].shape[1], arrays[0].dtype
    ohms = [dtype.type(x) for x in (wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm)]
    width = VECTOR_BYTES // dtype.itemsize
    keep = p.blocks + p.scratch
    at_small = keep + p.keep_one
    at_g = at_small + small
    size = at_g + 2 * cells
    places = p.blocks, keep, at_small, at_g, at_g + cells, p.keep
    groups = -(-tiles // width)
    threads = max(1, min(torch.get_num_threads(), groups, _WORKSPACES_BYTES // (size * VECTOR_BYTES)))
    piece = width * max(1, min(_PIECE_CELLS // cells, groups // (4 * threads)))
    starts = iter(range(0, tiles, piece))  # shared: whoever is free takes the next piece

    def work() -> None:
        ws = _aligned(size * width, dtype)
        for start in starts:
            stop = min(tiles, start + piece)
            run(ws, state.numpy(), *arrays, start, stop, cols, least, p.steps, p.kinds, p.runs, p.answer, places, *ohms)

    if threads == 1:
        return work()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
