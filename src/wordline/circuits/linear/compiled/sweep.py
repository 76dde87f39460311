"""Forward and adjoint sweeps over the steps of a schedule, for one group of lanes.

The forward sweep merges blocks, children before parents. The adjoint sweep runs backwards and needs
each merge's factors. In the mode SAVE the forward sweep stores those of large merges for it to
load, and it recomputes those of small ones, a subtree at a time. In the mode RECOMPUTE the factors
of all merges are computed anew, side by side in the workspace of one group of lanes.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

from numpy.typing import NDArray

from ....kernels import kernel
from ....kernels.simd import load_vectors, store_vectors
from .merge import factor_interface, factors_size, merge_blocks
from .merge_adjoint import merge_adjoint
from .small_blocks import small_gradient, small_matrix

SOLVE, SAVE, RECOMPUTE = 0, 1, 2


class Workspace(NamedTuple):
    """Memory of one thread, blocks of H first, and where its other parts begin; counts vectors."""

    vectors: NDArray[Any]
    scratch: int
    factors: int  # of one merge
    recomputed: int  # factors of many merges
    g: int
    out: int  # dL/dG
    cols: int  # of the tile: vectors from row to row of g and out


class SavedFactors(NamedTuple):
    """Factors of large merges for a batch, group after group of lanes."""

    vectors: NDArray[Any]
    group_size: int  # vectors of one group


@kernel()
@no_type_check
def forward(ws, tables, ohms, steps, mode, saved, at):
    """Compute H of the blocks of some steps, (first, last + 1).

    SOLVE: each merge overwrites the factors of the one before. SAVE: those of large merges are also
    stored in `saved`, from the vector `at`. RECOMPUTE: all factors stay, side by side.
    """
    v, scratch = ws.vectors, ws.scratch
    first, stop = steps
    for s in range(first, stop):
        step = tables.steps[s]
        if step.merge >= 0:
            m = tables.merges[step.merge]
            saving = mode == SAVE and m.interior >= tables.min_saved
            factors = ws.recomputed + step.factors if mode == RECOMPUTE else ws.factors
            needed = saving or mode == RECOMPUTE
            factor_interface(v, step, m, tables.ranges, needed, factors, scratch)
            merge_blocks(v, step, m, tables.ranges, factors, scratch)
            if saving:
                size = factors_size(m.interior, m.up_exterior + m.down_exterior)
                store_vectors(saved.vectors, at + step.factors, v, factors, size)
        else:
            left = ohms.driver if step.at_driver else ohms.row
            below = ohms.sense if step.at_sense else ohms.col
            source = ws.g + step.row * ws.cols + step.col
            place = (step.shape, step.result, source, ws.cols)
            small_matrix(v, place, (left, ohms.row, ohms.col, below))


@kernel()
@no_type_check
def recompute(ws, tables, ohms, first, root, saved):
    """Compute all factors of a subtree; H of its root is not needed."""
    forward(ws, tables, ohms, (first, root), RECOMPUTE, saved, 0)
    step = tables.steps[root]
    if step.merge >= 0:
        m, factors = tables.merges[step.merge], ws.recomputed + step.factors
        factor_interface(ws.vectors, step, m, tables.ranges, True, factors, ws.scratch)


@kernel()
@no_type_check
def adjoint(ws, tables, ohms, mode, saved, at):
    """Compute dL/dG from dL/dH of the array.

    SAVE: with the factors that `forward` stored from the vector `at`. RECOMPUTE: with those that
    `recompute` left for the whole array.
    """
    v, scratch = ws.vectors, ws.scratch
    for s in range(len(tables.steps) - 1, -1, -1):
        step = tables.steps[s]
        if step.merge >= 0:
            m = tables.merges[step.merge]
            factors = ws.recomputed + step.factors
            if mode == SAVE and m.interior >= tables.min_saved:
                factors = ws.factors
                size = factors_size(m.interior, m.up_exterior + m.down_exterior)
                load_vectors(v, factors, saved.vectors, at + step.factors, size)
            elif mode == SAVE and step.recompute_from >= 0:
                recompute(ws, tables, ohms, step.recompute_from, s, saved)
            merge_adjoint(v, step, m, tables.ranges, factors, scratch)
        else:
            left = ohms.driver if step.at_driver else ohms.row
            below = ohms.sense if step.at_sense else ohms.col
            cell = step.row * ws.cols + step.col
            place = (step.shape, ws.out + cell, ws.g + cell, ws.cols, step.result)
            small_gradient(v, place, (left, ohms.row, ohms.col, below))
