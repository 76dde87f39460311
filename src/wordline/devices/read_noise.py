"""Read noise: conductances that fluctuate from read to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from ..values import require_number
from .device import AbstractDevice
from .draws import draw_normal
from .nonideality import AbstractNonideality


@final
@dataclass(frozen=True)
class ReadNoise(AbstractNonideality):
    """Conductances G (1 + sigma n) >= 0 during one read, n standard normal for each device.

    `sigma`: relative standard deviation over reads, >= 0: fluctuations slower than one read and
    faster than the time between two, such as random telegraph noise. A read is one forward pass:
    all inputs of a batch see the same n, the next pass draws another. `frozen=True` draws n once,
    at programming: the same spread on a chip that gives one answer, whose gradient an attack can
    follow. The noise acts on the programmed conductances, stuck and drifted devices included; an
    open device stays open.

    >>> ReadNoise(sigma=0.02).per_read, ReadNoise(sigma=0.02, frozen=True).per_read
    (True, False)
    """

    passes: ClassVar[int] = 1
    stage: ClassVar[Literal["programming", "retention", "read"]] = "read"

    sigma: float
    frozen: bool = False

    def __post_init__(self) -> None:
        require_number("sigma", self.sigma, at_least=0.0)
        if not isinstance(self.frozen, bool):
            raise TypeError(
                f"`frozen` must be True or False, got {self.frozen!r} of type "
                f"{type(self.frozen).__name__}"
            )

    @property
    def per_read(self) -> bool:
        return not self.frozen

    def frozen_noise(self) -> ReadNoise:
        return replace(self, frozen=True)

    def scaled_noise(self, scale: float) -> ReadNoise:
        return replace(self, sigma=self.sigma * scale) if self.per_read else self

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        """Draw the conductances during one read."""
        return g * (1 + self.sigma * draw_normal(g, generator)).clamp(min=0)
