"""Newton's method for the device currents of many arrays at once, each sample on its own path.

Unknown: the currents y that the wires carry for the devices. They leave each device the voltage
u = v - Z y, at which it carries i(u). Kirchhoff's current law asks for e = i(u) - y = 0, as far as
a wire can tell: Z e = 0. There a convex function of y, the co-content of the network, has its
least value,

    E(y) = sum of (integral of i du) + y Z y / 2,   gradient -Z e,

so that an array whose device currents do not fall with the voltage has one operating point, and the
Newton step

    dy = e + s du,   du = -Z dy,   s = di/du   (`linear_system.newton_direction`)

goes downhill towards it from anywhere; `line_search` says how far.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..wires import Wires
from .laws import AbstractDeviceLaw
from .line_search import line_search
from .linear_system import apply_z, max_abs, newton_direction
from .samples import Samples, current_at_rest, slope_of
from .tolerances import (
    CHECK_ROUNDING,
    MAX_RESIDUAL,
    MAX_START_RATIO,
    RESIDUAL,
    ROUNDING,
    STEPS,
    TRIALS,
)


class NewtonResult(NamedTuple):
    """The end of Newton's method, sample by sample."""

    volts: Tensor  # (n, rows, cols), u
    currents: Tensor  # (n, rows, cols), i(u)
    residual: Tensor  # (n,), largest |Z e| over the largest driving voltage
    converged: Tensor  # (n,)
    iterations: Tensor  # (n,)


def find_operating_points(
    v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw
) -> NewtonResult:
    """Solve arrays g `(n, rows, cols)` under row voltages v `(n, rows)`.

    A sample's result does not depend on the rest of its batch.
    """
    now, scale = _start(v.unsqueeze(2).expand_as(g).contiguous(), g, wires, law)
    index = torch.arange(len(g), device=g.device)
    stuck = ~torch.isfinite(max_abs(now.i))
    out = NewtonResult(g.clone(), g.clone(), scale.clone(), stuck.clone(), index.clone())
    for step in range(STEPS + 1):
        e = now.i - now.y
        worst = max_abs(apply_z(e, wires))
        converged = worst <= RESIDUAL * scale
        if (stuck | (~converged & (worst <= CHECK_ROUNDING * scale))).any():
            floor = _rounding_floor(now, wires, law)
            converged |= (worst <= floor) & (worst <= MAX_RESIDUAL * scale)
        stop = converged | stuck | (step == STEPS)
        if stop.any():
            end, go = stop.nonzero().squeeze(1), (~stop).nonzero().squeeze(1)
            residual = worst / torch.where(scale > 0, scale, 1)
            ends = now.u, now.i, residual, converged, torch.full_like(index, step)
            for whole, part in zip(out, ends, strict=True):
                whole.index_copy_(0, index[end], part.index_select(0, end))
            now, e = now.take(go), e.index_select(0, go)
            index, scale, worst = index[go], scale[go], worst[go]
        if len(index) == 0:
            break
        dy, du = newton_direction(slope_of(law, now.u, now.g), e, wires)
        now, stuck = line_search(now, du, dy, worst, wires, law)
    return out


def _start(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> tuple[Samples, Tensor]:
    """Start from the linear array, and compute each sample's largest driving voltage.

    Where the devices of the linear array would carry far more than its wires, start from one of
    stiffer devices.
    """
    rest = torch.zeros_like(g)
    i_rest, s_rest = current_at_rest(law, g), slope_of(law, rest, g)
    now, left = Samples(g, v, rest, rest, rest), torch.arange(len(g), device=g.device)
    for trial in range(TRIALS):
        some = now.take(left)
        i = i_rest.index_select(0, left)
        s = MAX_START_RATIO**trial * s_rest.index_select(0, left)
        y, du = newton_direction(s, i + s * some.v, wires)
        u = some.v + du
        i = law.current(u, some.g)
        if len(left) == len(g):
            now = some._replace(u=u, y=y, i=i)
        else:
            now.put(left, some._replace(u=u, y=y, i=i))
        left = left[~(max_abs(i) <= MAX_START_RATIO * max_abs(y)) & (max_abs(s) > 0)]
        if len(left) == 0:
            break
    return now, max_abs(v - apply_z(i_rest, wires))


def _rounding_floor(now: Samples, wires: Wires, law: AbstractDeviceLaw) -> Tensor:
    """Rounding floor of the residual ||Z e||.

    An error of one ulp in v changes each device current by g'(u) |v|, and the line resistance sums
    those changes. Newton stops here; a smaller residual is noise.
    """
    _, rows, cols = now.u.shape
    size = now.i.abs() + law.slope(now.u, now.g) * now.v.abs().amax(1, keepdim=True)
    along_row = (wires.driver_ohm + (cols - 1) * wires.row_ohm) * size.sum(2).amax(1)
    along_col = (wires.sense_ohm + (rows - 1) * wires.col_ohm) * size.sum(1).amax(1)
    return ROUNDING * (along_row + along_col)
