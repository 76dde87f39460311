"""The compiled solver: tensors in and out, threads, and the memory that is saved for adjoints.

The same merges as in `reference`, with three savings: only lower triangles are computed, nothing is
computed that the array's borders make useless, and a block is merged while its children are still
in the cache. A tile's bits depend on nothing but the tile.

The adjoint needs the factors of every merge. `solve_and_save` keeps those of large merges, about 30
numbers for each cell of a 64 x 64 tile, until `SAVED` is full; for the other tiles `adjoint`
computes them again, a group of lanes at a time. docs/solver.md draws the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ....kernels.buffer_pool import BufferPool, aligned_empty
from ....kernels.registers import VECTOR_BYTES
from ....kernels.threads import share
from ....typing import Siemens
from ...wires import Ohms, Wires
from .. import conditioning
from .batch import adjoint_part, solve_part
from .schedule import Schedule, schedule
from .sweep import RECOMPUTE, SAVE, SOLVE, SavedFactors, Workspace

SAVED = BufferPool(1_000_000_000)  # bytes, for the factors that solves save, of the whole process
_WORKSPACES_BYTES = 1_500_000_000  # of all threads together
_PIECE_CELLS = (
    4096  # of one lane, at least: about 1 ms of work, so that calls and threads cost nothing
)
_MIN_SAVED = 8  # interior ports; factors of smaller merges are recomputed sooner than read back


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
    group_bytes = _saving_schedule(g).saved * VECTOR_BYTES
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


def _saving_schedule(g: Tensor) -> Schedule:
    return schedule(*g.shape[1:], _MIN_SAVED)


def _tiles_saved(g: Tensor, saved: Tensor) -> int:
    """Tiles whose factors there is room for in `saved`: none if they have no large merge."""
    unit = _saving_schedule(g).saved
    return min(len(g), len(saved) // unit) if unit else 0


def _solve(g: Tensor, wires: Wires, saved: Tensor) -> Tensor:
    plan, tiles = _saving_schedule(g), _tiles_saved(g, saved)
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    if tiles > 0:
        run = _Run(solve_part, SAVE, plan, saved=saved)
        run(wires, g[:tiles], out[:tiles])
    if tiles < len(g):
        run = _Run(solve_part, SOLVE, plan, saved=g.new_empty(0))
        run(wires, g[tiles:], out[tiles:])
    return out


def _adjoint(g: Tensor, grad: Tensor, wires: Wires, saved: Tensor) -> Tensor:
    tiles = _tiles_saved(g, saved)
    out = torch.empty_like(g, memory_format=torch.contiguous_format)
    if tiles > 0:
        plan = _saving_schedule(g)
        run = _Run(adjoint_part, SAVE, plan, saved=saved, recomputed=plan.recomputed)
        run(wires, g[:tiles], grad[:tiles], out[:tiles])
    if tiles < len(g):
        plan = schedule(*g.shape[1:], 1)  # all factors stand side by side
        run = _Run(adjoint_part, RECOMPUTE, plan, saved=g.new_empty(0), recomputed=plan.saved)
        run(wires, g[tiles:], grad[tiles:], out[tiles:])
    return out


@dataclass(frozen=True, eq=False)
class _Run:
    """A kernel over groups of tiles on as many threads as torch uses."""

    kernel: Callable[..., None]
    mode: int
    plan: Schedule
    saved: Tensor
    recomputed: int = 0  # vectors of the workspace for factors side by side

    def __call__(self, wires: Wires, *tensors: Tensor) -> None:
        plan, (tiles, _, cols) = self.plan, tensors[0].shape
        arrays = tuple(tensor.contiguous().view(tiles, -1).numpy() for tensor in tensors)
        cells, dtype = arrays[0].shape[1], arrays[0].dtype
        width = VECTOR_BYTES // dtype.itemsize
        at_factors = plan.blocks + plan.scratch
        at_recomputed = at_factors + plan.largest_factors
        at_g = at_recomputed + self.recomputed
        size = at_g + 2 * cells
        workspace = partial(
            Workspace, scratch=plan.blocks, factors=at_factors, recomputed=at_recomputed,
            g=at_g, out=at_g + cells, cols=cols,
        )  # fmt: skip
        given = Ohms.of(wires, dtype.type), SavedFactors(self.saved.numpy(), plan.saved)
        groups, most = -(-tiles // width), _WORKSPACES_BYTES // (size * VECTOR_BYTES)
        threads = max(1, min(torch.get_num_threads(), groups, most))
        piece = width * max(1, min(_PIECE_CELLS // cells, groups // (4 * threads)))

        def work(starts: Iterator[int]) -> None:
            ws = workspace(aligned_empty((size * width,), dtype))
            for start in starts:
                part = start, min(tiles, start + piece)
                self.kernel(ws, plan.tables, given[0], part, self.mode, given[1], arrays)

        share(work, range(0, tiles, piece), threads)
