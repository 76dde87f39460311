"""Samples of a nonlinear array under way to their operating points."""

from typing import NamedTuple

import torch
from torch import Tensor

from .laws import AbstractDeviceLaw


class Samples(NamedTuple):
    """Unknowns and data of some samples; all fields `(n, rows, cols)`."""

    g: Tensor  # siemens
    v: Tensor  # voltage of each device's row
    u: Tensor  # device voltages, v - Z y
    y: Tensor  # currents that the wires carry for the devices
    i: Tensor  # device currents at u

    def take(self, which: Tensor) -> "Samples":
        """Take some samples, by rising indices."""
        if len(which) == len(self.g):
            return self
        # Not self.u[which]: torch wakes threads for that even where there is little to do.
        return Samples(*(x.index_select(0, which) for x in self))

    def put(self, which: Tensor, new: "Samples") -> None:
        """Replace u, y and i of some samples, in place."""
        for whole, part in ((self.u, new.u), (self.y, new.y), (self.i, new.i)):
            whole.index_copy_(0, which, part)


def slope_of(law: AbstractDeviceLaw, u: Tensor, g: Tensor) -> Tensor:
    """Compute di/du, and refuse a law whose current falls or whose slope is not finite."""
    s = law.slope(u, g)
    lowest, highest = torch.aminmax(s)
    if not (lowest >= 0 and highest < torch.inf):
        raise ValueError(
            f"`law` {type(law).__name__}: `slope` runs from {lowest.item():g} to "
            f"{highest.item():g} S; a device current must not fall as the voltage rises, and its "
            "slope must be finite"
        )
    return s


def current_at_rest(law: AbstractDeviceLaw, g: Tensor) -> Tensor:
    """Compute the device currents at 0 V; refuse a law of wrong shape or type, or no number."""
    i = law.current(torch.zeros_like(g), g)
    if i.shape != g.shape or i.dtype != g.dtype:
        raise ValueError(
            f"`law` {type(law).__name__}: `current` must return {g.dtype} of the shape of `v`, "
            f"{tuple(g.shape)}, got {i.dtype} of {tuple(i.shape)}; act cell by cell"
        )
    if not torch.isfinite(i).all():
        raise ValueError(
            f"`law` {type(law).__name__}: `current` must be finite at 0 V, got NaN or infinity"
        )
    return i
