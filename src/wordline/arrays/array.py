"""What an array of devices does each time it is read: volts on its word lines, amperes out of its bit lines."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor

from ..circuits import AbstractDeviceLaw, Ohmic, Wires
from ..values import Value


class AbstractArray(Value, abc.ABC):
    """How the column currents of a programmed array follow from its row voltages.

    `program` does once what need not be done at every read; `currents` is one read, differentiable in `volts`, with the
    same result for a sample whatever else is in the batch.

    `linear`: the currents are `volts @ programmed`, at any voltage; `gradient`: what autograd through `currents` is;
    `needs_volts`: whether it matters how many volts an input of one is; `columns_apart`: whether a column's current
    follows from its own numbers of `programmed` alone, so that a read may leave columns out, or set those of several
    arrays side by side.

    >>> import torch
    >>> from wordline.arrays import ExactArray
    >>> wires, g = Wires(driver_ohm=500, sense_ohm=1500), torch.tensor([[1e-3]], dtype=torch.float64)
    >>> array = ExactArray()
    >>> programmed = array.program(g, wires)
    >>> i = array.currents(torch.tensor([[0.3]], dtype=torch.float64), programmed, wires)
    >>> round(i.item(), 12)  # 0.3 / (500 + 1000 + 1500) ampere
    0.0001
    """

    linear: ClassVar[bool] = False
    gradient: ClassVar[str] = "exact"
    needs_volts: ClassVar[bool] = True
    columns_apart: ClassVar[bool] = False

    @property
    def device_law(self) -> AbstractDeviceLaw:
        """What the devices are: for a netlist of this array."""
        return Ohmic()

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        """Numbers that `program` makes of each column of `rows` devices; by default it is tried on one array."""
        return self.program(torch.full((rows, cols), 1e-5), wires).shape[-2]

    def reads_conductances(self, wires: Wires) -> bool:
        """Whether `program` gives the conductances back as they are, so that they need not be kept twice."""
        return False

    @abc.abstractmethod
    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """What a read needs of an array of conductances g `(..., rows, cols)`, siemens: `(..., height, cols)`.

        The columns are those of `g`, and the height is that of the array's choosing.
        """

    @abc.abstractmethod
    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        """Column currents `(..., batch, cols)`, ampere, for row voltages `(..., batch, rows)`, volt.

        Leading dimensions broadcast against those of `programmed`, which `program` made with the same wires.
        """
