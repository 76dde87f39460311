"""The wrong gradient that much of the literature attacks with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..circuits import AbstractDeviceLaw, Wires
from ..straight_through import value_with_gradient_of
from ..values import require_instance
from .array import AbstractArray


@final
@dataclass(frozen=True)
class IdealBackward(AbstractArray):
    """Currents of one array with the gradient of an array of ohmic devices and no wires: dI/dV = g.

    Backward pass differentiable approximation (BPDA, arXiv 1802.00420) as in the public code of
    arXiv 2109.09060. An attack that follows it is weaker than one that follows the array's own
    gradient.

    `array`: the array that computes the currents.

    >>> from wordline.arrays import ExactArray
    >>> wires, g = Wires(driver_ohm=1000), torch.tensor([[1e-3]])
    >>> array, v = IdealBackward(ExactArray()), torch.tensor([[0.5]], requires_grad=True)
    >>> i = array.currents(v, array.program(g, wires), wires)
    >>> i.backward()
    >>> round(i.item(), 6), round(v.grad.item(), 6)  # half the ideal current, the ideal slope
    (0.00025, 0.001)
    """

    linear: ClassVar[bool] = False
    gradient: ClassVar[str] = "ideal-backward"

    array: AbstractArray

    def __post_init__(self) -> None:
        require_instance("array", self.array, AbstractArray)

    @property
    def needs_volts(self) -> bool:  # type: ignore[override]
        return self.array.needs_volts

    @property
    def independent_columns(self) -> bool:  # type: ignore[override]
        return self.array.independent_columns

    @property
    def device_law(self) -> AbstractDeviceLaw:
        return self.array.device_law

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        return self.array.height(rows, cols, wires) + rows

    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """Program the inner array and append the conductances below it."""
        return torch.cat([self.array.program(g, wires), g], -2)

    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        """Compute the currents of the inner array, with the gradient of V g."""
        inner, g = programmed.split([programmed.shape[-2] - volts.shape[-1], volts.shape[-1]], -2)
        with torch.no_grad():
            currents = self.array.currents(volts.detach(), inner.detach(), wires)
        return value_with_gradient_of(currents, volts @ g)
