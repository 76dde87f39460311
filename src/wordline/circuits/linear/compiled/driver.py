"""The compiled solver: tensors in and out, threads, and the memory that is saved for adjoints.

The same merges as in `reference`, with three savings: only lower triangles are computed, nothing is
computed that the array's borders make useless, and a block is merged while its children are still
in the cache. Many tiles share the registers, one a lane; of a few large ones each has them for
itself. A tile's bits depend on nothing but the tile.

The adjoint needs the factors of every merge. `solve_and_save` keeps those of large merges, about 30
numbers for each cell of a 64 x 64 tile, until `SAVED` is full; for the other tiles `adjoint`
computes them again, a group of lanes at a time. docs/solver.md draws the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ....kernels.buffer_pool import BufferPool, aligned_empty
from ....kernels.registers import VECTOR_BYTES
from ....kernels.threads import share
from ....typing import Siemens
from ...wires import Ohms, Wires
from .. import conditioning
from .batch import adjoint_part, solve_one, solve_part
from .schedule import Schedule, schedule

SAVED = BufferPool(1_000_000_000)  # bytes, for the factors that solves save, of the whole process
_WORKSPACES_BYTES = 1_500_000_000  # of all threads together
_LARGE_CELLS = 48 * 48  # from here on a few tiles are solved one at a time
_PIECE_CELLS = (
    4096  # of one lane, at least: about 1 ms of work, so that calls and threads cost nothing
)


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Compute the effective conductance of a batch of tiles `(tiles, rows, cols)`."""
    return conditioning.solve(lambda some: _solve(some, wires, some.new_empty(0)), g, wires)


def solve_and_save(g: Siemens, wires: Wires) -> tuple[Siemens, Tensor]:
    """Compute what `solve` does, to the same bits, and save factors for `adjoint`.

    They are saved for as many tiles as there is memory for, and for none of the tiles that
    `conditioning` has solved otherwise.
    """
    method = conditioning.methods(g, wires)
    tiles = len(g) if method is None else int((method == conditioning.ORDINARY).sum())
    lanes = VECTOR_BYTES // g.element_size()
    group_bytes = schedule(*g.shape[1:], "save").saved * VECTOR_BYTES
    saved = torch.from_numpy(SAVED.allocate(group_bytes, -(-tiles // lanes))).view(g.dtype)
    run = lambda some: _solve(some, wires, _saved_for(some, g, saved))  # noqa: E731
    return conditioning.solve(run, g, wires), saved


def adjoint(g: Siemens, grad: Siemens, wires: Wires, saved: Tensor | None = None) -> Siemens:
    """Compute dL/dG from dL/dW, both `(tiles, rows, cols)`, by the adjoint network.

    The bits are the same with and without what `solve_and_save` saved.
    """
    saved = g.new_empty(0) if saved is None else saved
    run = lambda some, bar: _adjoint(some, bar, wires, _saved_for(some, g, saved))  # noqa: E731
    return conditioning.adjoint(run, g, grad, wires)


def _saved_for(some: Tensor, g: Tensor, saved: Tensor) -> Tensor:
    """Factors belong to the tiles that are solved in their own precision."""
    return saved if some.dtype == g.dtype else some.new_empty(0)


def _tiles_saved(g: Tensor, saved: Tensor) -> int:
    """Tiles whose factors there is room for in `saved`: none if they have no large merge."""
    if len(saved) == 0:
        return 0
    unit = schedule(*g.shape[1:], "save").saved
    return min(len(g), len(saved) // unit) if unit else 0


def _is_quicker_alone(g: Tensor) -> bool:
    """Tell whether tiles are fewer than the lanes by so much that lanes would idle; bits agree."""
    lanes = VECTOR_BYTES // g.element_size()
    return g[0].numel() >= _LARGE_CELLS and len(g) <= max(4, lanes // 2)


def _solve(g: Tensor, wires: Wires, saved: Tensor) -> Tensor:
    shape, tiles = g.shape[1:], _tiles_saved(g, saved)
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    if tiles > 0:
        run = _Run(solve_part, schedule(*shape, "save"), saved)
        run(wires, g[:tiles], out[:tiles])
    if tiles < len(g):
        kernel = solve_one if _is_quicker_alone(g[tiles:]) else solve_part
        run = _Run(kernel, schedule(*shape, "solve"), saved[:0])
        run(wires, g[tiles:], out[tiles:])
    return out


def _adjoint(g: Tensor, grad: Tensor, wires: Wires, saved: Tensor) -> Tensor:
    shape, tiles = g.shape[1:], _tiles_saved(g, saved)
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    if tiles > 0:
        run = _Run(adjoint_part, schedule(*shape, "adjoint"), saved)
        run(wires, g[:tiles], grad[:tiles], out[:tiles])
    if tiles < len(g):
        run = _Run(adjoint_part, schedule(*shape, "recompute"), saved[:0])
        run(wires, g[tiles:], grad[tiles:], out[tiles:])
    return out


@dataclass(frozen=True, eq=False)
class _Run:
    """A kernel over groups of tiles on as many threads as torch uses."""

    kernel: Callable[..., None]
    plan: Schedule
    saved: Tensor

    def __call__(self, wires: Wires, *tensors: Tensor) -> None:
        plan, tiles = self.plan, len(tensors[0])
        arrays = tuple(tensor.contiguous().view(tiles, -1).numpy() for tensor in tensors)
        cells, dtype = arrays[0].shape[1], arrays[0].dtype
        width = 1 if self.kernel is solve_one else VECTOR_BYTES // dtype.itemsize
        ohms, saved = Ohms.of(wires, dtype.type), (self.saved.numpy(), plan.saved)
        size = plan.workspace * width
        groups, most = -(-tiles // width), _WORKSPACES_BYTES // (size * dtype.itemsize)
        threads = max(1, min(torch.get_num_threads(), groups, most))
        piece = width * max(1, min(_PIECE_CELLS // cells, groups // (4 * threads)))

        def work(starts: Iterator[int]) -> None:
            ws = aligned_empty((size,), dtype)
            for start in starts:
                part = start, min(tiles, start + piece)
                self.kernel(ws, plan.tables, tuple(ohms), part, saved, arrays)

        share(work, range(0, tiles, piece), threads)
