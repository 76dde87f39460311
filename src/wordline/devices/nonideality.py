"""What may happen to a conductance between being asked for and being there."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..values import Value
from .device import AbstractDevice


class AbstractNonideality(Value):
    """One imperfection of the devices; a crossbar lists them in the order in which they act.

    `moment`: "programming" acts once and stays in the chip; "read" belongs to the single read. Those of the moment
    "read" act on what programming left.
    """

    moment: ClassVar[Literal["programming", "read"]] = "programming"

    @property
    def fresh(self) -> bool:
        """Whether it must be drawn anew at each read; otherwise it is drawn once, when the chip is programmed."""
        return self.moment == "read"

    def held(self) -> AbstractNonideality:
        """The same imperfection, drawn once when the chip is programmed and kept."""
        return self

    def noisier(self, scale: float) -> AbstractNonideality:
        """The same imperfection, `scale` times as strong if it is drawn anew at each read; otherwise itself."""
        return self

    @abc.abstractmethod
    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        """Conductances asked for -> conductances there; siemens, any shape, every draw from `generator`.

        Differentiable in `g` for fixed draws: this is what hardware-aware training passes through.
        """
