"""What may happen to a conductance between being asked for and being there."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..values import Value
from .device import AbstractDevice


class AbstractNonideality(Value):
    """One imperfection of the devices; a crossbar lists them in the order in which they act.

    `moment`: "programming" acts once and stays in the chip; so does "retention", between programming and reading: a
    gain measured at programming sees neither it nor what is listed behind it; "read" belongs to the single read, and
    acts on what the others left.

    `passes`: how often it goes through the devices of a layer, drawing one number for each; 1 for what concerns each
    device alone, so that a large layer can be programmed a few devices at a time, with the same numbers. 0, the
    default, where all devices have to be seen at once.
    """

    moment: ClassVar[Literal["programming", "retention", "read"]] = "programming"
    passes: ClassVar[int] = 0

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

    def apply_drawing(self, g: Tensor, device: AbstractDevice, generators: Sequence[torch.Generator]) -> Tensor:
        """As `apply`, one generator a pass."""
        return self.apply(g, device, generator=generators[0])
