"""The interface of an array of devices: volts on its word lines, amperes out of its bit lines."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor

from ..circuits import AbstractDeviceLaw, Ohmic, Wires
from ..values import Value


class AbstractArray(Value, abc.ABC):
    """A rule that gives the column currents of a programmed array for its row voltages.

    `program` does once whatever need not be repeated at each read. `currents` is one read: it is
    differentiable in `volts`, and the result for a sample does not depend on the rest of the batch.

    Class attributes: `linear`: the currents are `volts @ programmed` at any voltage; `gradient`:
    kind of the gradient that autograd gives for `currents`; `needs_volts`: the result depends on
    the voltage of an input of one; `independent_columns`: a column's current follows from its own
    numbers of `programmed` alone, so that a read may leave columns out, or set the columns of
    several arrays side by side.

    >>> import torch
    >>> from wordline.arrays import ExactArray
    >>> wires = Wires(driver_ohm=500, sense_ohm=1500)
    >>> array, g = ExactArray(), torch.tensor([[1e-3]], dtype=torch.float64)
    >>> volts = torch.tensor([[0.3]], dtype=torch.float64)
    >>> i = array.currents(volts, array.program(g, wires), wires)
    >>> round(i.item(), 12)  # 0.3 / (500 + 1000 + 1500) ampere
    0.0001
    """

    linear: ClassVar[bool] = False
    gradient: ClassVar[str] = "exact"
    needs_volts: ClassVar[bool] = True
    independent_columns: ClassVar[bool] = False

    @property
    def device_law(self) -> AbstractDeviceLaw:
        """Law of the devices, for a netlist of this array."""
        return Ohmic()

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        """Return the length of the vector that `program` makes of a column of `rows` devices.

        The default implementation programs one array and reads its shape.
        """
        return self.program(torch.full((rows, cols), 1e-5), wires).shape[-2]

    def reads_conductances(self, wires: Wires) -> bool:
        """Return True if `program` returns the conductances unchanged: no second copy is needed."""
        return False

    @abc.abstractmethod
    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """Prepare conductances g `(..., rows, cols)`, siemens, for reads: `(..., height, cols)`.

        The columns are those of `g`; the array chooses the height.
        """

    @abc.abstractmethod
    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        """Compute column currents `(..., batch, cols)`, ampere, for volts `(..., batch, rows)`.

        Leading dimensions broadcast against those of `programmed`, which `program` made with the
        same wires.
        """
