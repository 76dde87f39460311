"""The choice of a solver for each tile: its own precision, float64, or positive sums alone.

Nested dissection loses digits in proportion to the number of devices on a line times the largest
resistance times what a device conducts through its own wires,

    q = max(rows, cols) R_max / (1 / G_max + R_across + R_down),

where a row's cells are reached through R_across, the smaller of driver and row, and R_down is that
of column and sense. Gradients, which are products of two device voltages, lose as q^2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...typing import Siemens
from ..wires import Wires
from . import star_mesh

Run = Callable[..., Tensor]  # of tiles, and perhaps of as many gradients

ORDINARY, DOUBLE, POSITIVE = 0, 1, 2
# The largest q that leaves an error of 1e-5 (float32) or 1e-12 (float64) of the largest entry.
_MAX_Q = {torch.float32: 2.0**8, torch.float64: 2.0**11}
# Beyond it, in siemens or ohm, products of a few numbers leave the type's range.
_MAX_NUMBER = {torch.float32: 2.0**60, torch.float64: 2.0**450}


def methods(g: Siemens, wires: Wires) -> Tensor | None:
    """Choose ORDINARY, DOUBLE or POSITIVE for each tile; None where all of them are ordinary."""
    method = torch.where(_is_accurate(g, wires, torch.float64), ORDINARY, POSITIVE)
    if g.dtype == torch.float32:
        narrow = _is_accurate(g, wires, torch.float32) & ~_has_equal_lines(g)
        method = torch.where((method == ORDINARY) & ~narrow, DOUBLE, method)
    return method if method.any() else None


def solve(run: Run, g: Siemens, wires: Wires) -> Siemens:
    """Compute effective conductances by `run`, or by positive sums for the tiles that need them."""
    return _by_method(run, lambda some: star_mesh.solve(some, wires), methods(g, wires), g)


def adjoint(run: Run, g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """Compute dL/dG from dL/dW by `run`, or by positive sums for the tiles that need them."""
    positive: Run = lambda some, bar: star_mesh.adjoint(some, bar, wires)  # noqa: E731
    return _by_method(run, positive, methods(g, wires), g, grad)


def _by_method(run: Run, positive: Run, method: Tensor | None, *tensors: Tensor) -> Tensor:
    """One result a tile, each from the solver chosen for it."""
    if method is None:
        return run(*tensors)
    out = torch.empty_like(tensors[0], memory_format=torch.contiguous_format)
    solvers = {ORDINARY: run, DOUBLE: _in_double(run), POSITIVE: positive}
    for code, solver in solvers.items():
        chosen = (method == code).nonzero().squeeze(1)
        if len(chosen):
            out[chosen] = solver(*(tensor[chosen] for tensor in tensors))
    return out


def _in_double(run: Run) -> Run:
    return lambda *tensors: run(*(tensor.double() for tensor in tensors)).to(tensors[0].dtype)


def _is_accurate(g: Tensor, wires: Wires, dtype: torch.dtype) -> Tensor:
    """Tiles that nested dissection solves accurately in this precision."""
    across = min(wires.driver_ohm, wires.row_ohm)
    down = min(wires.col_ohm, wires.sense_ohm)
    largest = max(wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm)
    g_max, limit = g.amax((-2, -1)).double(), _MAX_NUMBER[dtype]
    q = max(g.shape[-2:]) * largest / (1 / g_max + (across + down))
    in_range = (g_max < limit) & (g_max > 1 / limit) & (largest < limit)
    return (in_range & (q < _MAX_Q[dtype])) | (g_max == 0)


def _has_equal_lines(g: Tensor) -> Tensor:
    """Tiles whose word lines, or bit lines, are all equal: float32 rounds each in the same way."""
    equal = torch.zeros(len(g), dtype=torch.bool, device=g.device)
    for axis in (1, 2):
        if g.shape[axis] > 1:
            first = g.narrow(axis, 0, 1)
            candidates = (g.narrow(axis, 1, 1) == first).flatten(1).all(1).nonzero().squeeze(1)
            equal[candidates] |= (g[candidates] == first[candidates]).flatten(1).all(1)
    return equal
