"""The wrong gradient that much of the literature attacks with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..circuits import AbstractDeviceLaw, Wires
from ..transforms import grad_of
from ..values import require_instance
from .array import AbstractArray


@final
@dataclass(frozen=True)
class IdealBackward(AbstractArray):
    """Currents of one array, gradients of an array without wires and with ohmic devices: dI/dV = g.

    Backward pass differentiable approximation (BPDA, arXiv 1802.00420) as the public code of arXiv 2109.09060 has it:
    an attack that follows it is weaker than one that follows the array's own gradient.

    `array`: the one whose currents are right.

    >>> from wordline.arrays import ExactArray
    >>> array, wires, g = IdealBackward(ExactArray()), Wires(driver_ohm=1000), torch.tensor([[1e-3]])
    >>> v = torch.tensor([[0.5]], requires_grad=True)
    >>> i = array.currents(v, array.program(g, wires), wires)
    >>> i.backward()
    >>> round(i.item(), 6), round(v.grad.item(), 6)  # half the ideal current, all of the ideal slope
    (0.00025, 0.001)
    """

    linear: ClassVar[bool] = False
    gradient: ClassVar[str] = "ideal-backward"

    array: AbstractArray

    def __post_init__(self) -> None:
        require_instance("array", self.array, AbstractArray)

    @property
    def needs_volts(self) -> bool:  # type: ignore[override]
        """As the inner array does."""
        return self.array.needs_volts

    @property
    def columns_apart(self) -> bool:  # type: ignore[override]
        """As those of the inner array are."""
        return self.array.columns_apart

    @property
    def device_law(self) -> AbstractDeviceLaw:
        """As the inner array's."""
        return self.array.device_law

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        """See `AbstractArray.height`."""
        return self.array.height(rows, cols, wires) + rows

    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """What the inner array needs, and below it the conductances."""
        return torch.cat([self.array.program(g, wires), g], -2)

    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        """Currents of the inner array with the gradient of V g."""
        inner, g = programmed.split([programmed.shape[-2] - volts.shape[-1], volts.shape[-1]], -2)
        with torch.no_grad():
            right = self.array.currents(volts.detach(), inner.detach(), wires)
        return grad_of(volts @ g, value=right)
