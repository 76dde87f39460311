"""Arrays of ohmic devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from ..circuits import Wires
from ..circuits.effective import through_wires
from .array import AbstractArray


@final
@dataclass(frozen=True)
class ExactArray(AbstractArray):
    """An array of ohmic devices: I = V W, with the effective conductance W solved for once.

    >>> import torch
    >>> ExactArray().program(torch.tensor([[2e-4]]), Wires()).item() == torch.tensor(2e-4).item()
    True
    """

    linear: ClassVar[bool] = True
    gradient: ClassVar[str] = "exact"
    needs_volts: ClassVar[bool] = False
    independent_columns: ClassVar[bool] = True

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        return rows

    def reads_conductances(self, wires: Wires) -> bool:
        return wires.ideal

    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """Solve for the effective conductance, siemens, `(..., rows, cols)`."""
        return through_wires(g, wires)

    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        return volts @ programmed
