"""The wire operator and the linearised array, compiled on a CPU and in torch elsewhere."""

from types import ModuleType

from torch import Tensor

from ..wires import Wires
from . import wires_compiled, wires_torch
from .tolerances import CG_RTOL, CG_RTOL_STIFF, CG_STEPS, MAX_MISMATCH


def engine(tensor: Tensor) -> ModuleType:
    """Choose the implementation for the device of a tensor."""
    return wires_compiled if tensor.device.type == "cpu" else wires_torch


def apply_z(i: Tensor, wires: Wires) -> Tensor:
    """Compute the voltage that the wires take from each device, Z i; see `wires_torch`."""
    return engine(i).apply_z(i, wires)


def solve_linearised(s: Tensor, e: Tensor, wires: Wires, rtol: float, steps: int) -> Tensor:
    """Solve u = -Z (e + s u) for the device voltages u; see `wires_torch`."""
    return engine(s).solve_linearised(s, e, wires, rtol, steps)


def newton_direction(s: Tensor, e: Tensor, wires: Wires) -> tuple[Tensor, Tensor]:
    """Solve dy = e + s du, du = -Z dy, loosely where that is a solution.

    A stiff array may need more digits; it is found by the mismatch of du and -Z dy.
    """
    guess = solve_linearised(s, e, wires, CG_RTOL, CG_STEPS)
    dy = e + s * guess
    du = -apply_z(dy, wires)
    stiff = (~(max_abs(du - guess) <= MAX_MISMATCH * max_abs(du))).nonzero().squeeze(1)
    if len(stiff):
        s, e = s.index_select(0, stiff), e.index_select(0, stiff)
        better = e + s * solve_linearised(s, e, wires, CG_RTOL_STIFF, CG_STEPS)
        dy.index_copy_(0, stiff, better)
        du.index_copy_(0, stiff, -apply_z(better, wires))
    return dy, du


def max_abs(a: Tensor) -> Tensor:
    """Compute the largest magnitude of each sample."""
    return a.abs().amax((1, 2))
