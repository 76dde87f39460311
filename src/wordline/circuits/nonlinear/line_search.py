"""The length of each sample's Newton step, by bisection of the slope of the co-content E.

The slope along a step, sum of du (i - y), costs device currents only and never falls on the way. A
step is long enough where its magnitude is down to `SLOPE_RATIO` of the beginning's.
"""

import torch
from torch import Tensor

from ..wires import Wires
from .laws import AbstractDeviceLaw
from .linear_system import apply_z, max_abs
from .samples import Samples
from .tolerances import SLOPE_RATIO, TRIALS


def line_search(
    now: Samples, du: Tensor, dy: Tensor, worst: Tensor, wires: Wires, law: AbstractDeviceLaw
) -> tuple[Samples, Tensor]:
    """Take each sample's Newton step; also tell which samples found no point that is good enough.

    `worst`: the largest |Z e| of each sample. Those that found no point stay where they are.
    """
    steepness = -_dot(du, now.i - now.y)  # of E, downhill
    new, slope = _advance(now, du, dy, torch.ones_like(worst), law)
    good = slope.abs() <= SLOPE_RATIO * steepness
    if not good.all():  # close to the end E is flat to rounding, and the residual the better guide
        good |= max_abs(apply_z(new.i - new.y, wires)) <= worst / 2
    length, low = torch.ones_like(worst), torch.zeros_like(worst)
    high = torch.full_like(worst, torch.inf)
    left = (~good & (steepness > 0)).nonzero().squeeze(1)
    stuck = ~good
    for _ in range(TRIALS):
        if len(left) == 0:
            break
        beyond = ~(slope < 0)  # past the least value, or where an exponential is no number
        high[left] = torch.where(beyond, length, high)[left]
        low[left] = torch.where(beyond, low, length)[left]
        length[left] = torch.where(torch.isinf(high), 2 * length, (low + high) / 2)[left]
        some = du.index_select(0, left), dy.index_select(0, left)
        trial, slope[left] = _advance(now.take(left), *some, length[left], law)
        new.put(left, trial)
        stuck[left] = ~(slope.abs() <= SLOPE_RATIO * steepness)[left]
        left = left[stuck[left]]
    end = stuck.nonzero().squeeze(1)
    new.put(end, now.take(end))
    return new, stuck


def _advance(
    now: Samples, du: Tensor, dy: Tensor, length: Tensor, law: AbstractDeviceLaw
) -> tuple[Samples, Tensor]:
    """Move each sample by a length along its step, and compute the slope of E there."""
    far = length[:, None, None]
    u, y = now.u + far * du, now.y + far * dy
    i = law.current(u, now.g)
    return now._replace(u=u, y=y, i=i), _dot(du, i - y)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(2).sum(1)
