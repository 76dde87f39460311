"""Newton's method for the device voltages of many arrays at once, each sample on its own path.

Unknown: the voltage u across every device, which the drive v and the wires leave to it,

    f(u) = u + Z i(u) - v = 0,   Newton step: (1 + Z diag(i')) du = -f,

a linear array with the slopes as conductances and f as sources in series with the devices (`nonlinear_ladders.py`).
Kirchhoff's current law holds by construction; f is what is missing in the voltage law. As Z is positive semidefinite
and slopes are not negative, the step exists for every array, and taken short enough it shrinks every component of f.
The first step, from rest, is the solution of the linear array.
"""

from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from . import nonlinear_compiled, nonlinear_ladders
from .laws import AbstractDeviceLaw
from .wires import Wires

TOLERANCE = 1e-12  # of the largest |f| at rest, which is the largest applied voltage
STEPS = 200
_HALVINGS = 50
_INNER_RTOL = 1e-4  # a tighter one costs inner steps, a looser one costs Newton steps
_INNER_STEPS = 1000


class Samples(NamedTuple):
    """Where Newton's method stands, for samples in a row."""

    volts: Tensor  # (n, rows, cols), u, across each device
    currents: Tensor  # (n, rows, cols), i(u), through each device
    missing: Tensor  # (n, rows, cols), f(u)
    worst: Tensor  # (n,), largest |f|


class Arrival(NamedTuple):
    """Where Newton's method arrived, for samples in a row."""

    volts: Tensor  # (n, rows, cols)
    currents: Tensor  # (n, rows, cols)
    iterations: Tensor  # (n,)
    residual: Tensor  # (n,), largest |f| over the largest |f| at rest
    converged: Tensor  # (n,)


class _Array(NamedTuple):
    """The equations of samples in a row: arrays g `(n, rows, cols)` under drives v `(n, rows, 1)`."""

    g: Tensor
    v: Tensor
    wires: Wires
    law: AbstractDeviceLaw

    def at(self, u: Tensor) -> Samples:
        i = self.law.current(u, self.g)
        f = u + engine(u).wire_drops(i, self.wires) - self.v
        return Samples(u, i, f, f.abs().amax((1, 2)))

    def take(self, samples: Tensor) -> "_Array":
        return self._replace(g=self.g[samples], v=self.v[samples])


def engine(tensor: Tensor) -> ModuleType:
    """The chain operations where the tensor lives: compiled on a CPU, in torch elsewhere."""
    return nonlinear_compiled if tensor.device.type == "cpu" else nonlinear_ladders


def find_operating_points(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> Arrival:
    """Device voltages of arrays g `(n, rows, cols)` under drives v `(n, rows)`; what stands alone and what has arrived
    is never touched by the rest of the batch.
    """
    array = _Array(g, v.unsqueeze(2), wires, law)
    now = array.at(torch.zeros_like(g))
    _require_law(law, now.currents, g)
    scale, index = now.worst, torch.arange(len(g), device=g.device)
    stuck = torch.zeros_like(index, dtype=torch.bool)
    out = Arrival(g.clone(), g.clone(), index.clone(), scale.clone(), stuck.clone())
    for step in range(STEPS + 1):
        arrived = now.worst <= TOLERANCE * scale + _rounding(now.currents, wires)
        stop = arrived | stuck | (step == STEPS)
        if stop.any():
            done, go = index[stop], ~stop
            out.volts[done], out.currents[done] = now.volts[stop], now.currents[stop]
            out.iterations[done], out.converged[done] = step, arrived[stop]
            out.residual[done] = now.worst[stop] / torch.where(scale[stop] > 0, scale[stop], 1)
            now, array = Samples(*(x[go] for x in now)), array.take(go)
            index, scale = index[go], scale[go]
        if len(index) == 0:
            break
        slopes = law.slope(now.volts, array.g)
        _require_slope(law, slopes)
        along = engine(g).solve_emf(slopes, -now.missing, wires, _INNER_RTOL, _INNER_STEPS)
        now, stuck = _search(array, now, along)
    return out


def _search(array: _Array, now: Samples, along: Tensor) -> tuple[Samples, Tensor]:
    """Halve each sample's step until its residual falls; returns the new points and which samples found none."""
    length = 1.0
    new = array.at(now.volts + along)
    short = torch.arange(len(along), device=along.device)
    for _ in range(_HALVINGS):
        # Written so that NaN and infinity, where an exponential overflows, count as a step too long.
        short = short[~(new.worst[short] <= (1 - 1e-4 * length) * now.worst[short])]
        if len(short) == 0:
            break
        length /= 2
        trial = array.take(short).at(now.volts[short] + length * along[short])
        for whole, part in zip(new, trial, strict=True):
            whole[short] = part
    for whole, before in zip(new, now, strict=True):
        whole[short] = before[short]
    stuck = torch.zeros(len(along), dtype=torch.bool, device=along.device)
    stuck[short] = True
    return new, stuck


def _rounding(i: Tensor, wires: Wires) -> Tensor:
    """What f cannot fall below: currents of both signs that cancel in a wire leave the rounding of each."""
    _, rows, cols = i.shape
    size = i.abs()
    along_row = (wires.driver_ohm + (cols - 1) * wires.row_ohm) * size.sum(2).amax(1)
    along_col = (wires.sense_ohm + (rows - 1) * wires.col_ohm) * size.sum(1).amax(1)
    return 4 * torch.finfo(i.dtype).eps * (along_row + along_col)


def _require_law(law: AbstractDeviceLaw, i: Tensor, g: Tensor) -> None:
    name = type(law).__name__
    if i.shape != g.shape or i.dtype != g.dtype:
        raise ValueError(
            f"`law` {name}: `current` must return {g.dtype} of the shape of `v`, {tuple(g.shape)}, "
            f"got {i.dtype} of {tuple(i.shape)}; act cell by cell"
        )
    if not torch.isfinite(i).all():
        raise ValueError(f"`law` {name}: `current` is not finite at 0 V; write it so that a device at rest is")


def _require_slope(law: AbstractDeviceLaw, slopes: Tensor) -> None:
    if not (slopes >= 0).all() or not torch.isfinite(slopes).all():
        raise ValueError(
            f"`law` {type(law).__name__}: `slope` returned {slopes.min().item():g} S; the current must be smooth and must "
            "not fall as the voltage rises, else an array can have several operating points"
        )
