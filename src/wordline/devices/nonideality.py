"""The interface of a non-ideality of the devices."""

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

    `stage`: "programming" acts once and stays in the chip; "retention" does so too, between
    programming and reading: a gain that is measured at programming includes neither it nor what is
    listed behind it; "read" belongs to a single read, and acts on top of the others.

    `passes`: number of random draws for each device, where every device is treated alone; a large
    layer is then programmed in chunks, with the same numbers. 0, the default: all at once.
    """

    stage: ClassVar[Literal["programming", "retention", "read"]] = "programming"
    passes: ClassVar[int] = 0
    needs_target: ClassVar[bool] = False  # programming then calls `apply_to_target`

    @property
    def per_read(self) -> bool:
        """True where it is drawn at each read; otherwise it is drawn once, at programming."""
        return self.stage == "read"

    def frozen_noise(self) -> AbstractNonideality:
        """Return the same imperfection, drawn once at programming."""
        return self

    def scaled_noise(self, scale: float) -> AbstractNonideality:
        """Return the same imperfection, `scale` times as strong if it is drawn at each read."""
        return self

    @abc.abstractmethod
    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        """Change conductances of any shape, siemens; every draw comes from `generator`.

        Differentiable in `g` for fixed draws: hardware-aware training passes through it.
        """

    def apply_to_target(
        self, g: Tensor, target: Tensor, device: AbstractDevice, *, generator: torch.Generator
    ) -> Tensor:
        """Change conductances g of devices that were programmed for `target`, in siemens."""
        return self.apply(g, device, generator=generator)

    def apply_with_generators(
        self, g: Tensor, device: AbstractDevice, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Apply with one generator for each pass."""
        return self.apply(g, device, generator=generators[0])
