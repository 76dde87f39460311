"""Which tiles are solved in their own precision, which in float64, and which by positive sums alone.

The tree of blocks loses digits in proportion to the number of devices on a line times the largest resistance times
what a device conducts through its own wires,

    q = max(rows, cols) R_max / (1 / G_max + R_across + R_down),

where a row's cells are reached through R_across, the smaller of driver and row, and R_down is that of column and sense.
Gradients, which are products of two device voltages, lose as q^2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..typing import Siemens
from . import star_mesh
from .wires import Wires

Run = Callable[..., Tensor]  # of tiles, and perhaps of as many gradients

ORDINARY, DOUBLE, POSITIVE = 0, 1, 2
_MOST = {torch.float32: 2.0**8, torch.float64: 2.0**11}  # q that leaves 1e-5 and 1e-12 of the largest entry
_SPAN = {torch.float32: 2.0**60, torch.float64: 2.0**450}  # beyond it products of a few numbers leave the type's range


def kinds(g: Siemens, wires: Wires) -> Tensor | None:
    """How each tile is to be solved, or None where all of them are ordinary."""
    kind = torch.where(_within(g, wires, torch.float64), ORDINARY, POSITIVE)
    if g.dtype == torch.float32:
        narrow = _within(g, wires, torch.float32) & ~_lines_up(g)
        kind = torch.where((kind == ORDINARY) & ~narrow, DOUBLE, kind)
    return kind if kind.any() else None


def solved(ordinary: Run, double: Run, positive: Run, kind: Tensor | None, *tensors: Tensor) -> Tensor:
    """One answer a tile, each from the solver for its kind."""
    if kind is None:
        return ordinary(*tensors)
    out = torch.empty_like(tensors[0], memory_format=torch.contiguous_format)
    for which, run in ((ORDINARY, ordinary), (DOUBLE, _in_double(double)), (POSITIVE, positive)):
        chosen = (kind == which).nonzero().squeeze(1)
        if len(chosen):
            out[chosen] = run(*(tensor[chosen] for tensor in tensors))
    return out


def solve(run: Run, g: Siemens, wires: Wires) -> Siemens:
    """Effective conductances, with `run` for all tiles but those that need positive sums."""
    return solved(run, run, lambda some: star_mesh.solve(some, wires), kinds(g, wires), g)


def adjoint(run: Run, g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """dL/dG from dL/dW, with `run` for all tiles but those that need positive sums."""
    return solved(run, run, lambda some, bar: star_mesh.adjoint(some, bar, wires), kinds(g, wires), g, grad)


def _in_double(run: Run) -> Run:
    return lambda *tensors: run(*(tensor.double() for tensor in tensors)).to(tensors[0].dtype)


def _within(g: Tensor, wires: Wires, dtype: torch.dtype) -> Tensor:
    """Tiles that the tree of blocks answers well in this precision."""
    across, down = min(wires.driver_ohm, wires.row_ohm), min(wires.col_ohm, wires.sense_ohm)
    largest = max(wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm)
    top, span = g.amax((-2, -1)).double(), _SPAN[dtype]
    loss = max(g.shape[-2:]) * largest / (1 / top + (across + down))
    usual = (top < span) & (top > 1 / span) & (loss < _MOST[dtype])
    return (usual & (largest < span)) | (top == 0)


def _lines_up(g: Tensor) -> Tensor:
    """Tiles whose word lines are all alike, or whose bit lines are: float32 rounds each of them the same way."""
    alike = torch.zeros(len(g), dtype=torch.bool, device=g.device)
    for axis in (1, 2):
        if g.shape[axis] > 1:
            first = g.narrow(axis, 0, 1)
            some = (g.narrow(axis, 1, 1) == first).flatten(1).all(1).nonzero().squeeze(1)
            alike[some] |= (g[some] == first[some]).flatten(1).all(1)
    return alike
