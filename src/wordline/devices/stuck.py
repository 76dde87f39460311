"""Devices that cannot be programmed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..values import require_number
from .device import AbstractDevice
from .draws import draw_uniform
from .nonideality import AbstractNonideality


@final
@dataclass(frozen=True)
class StuckDevices(AbstractNonideality):
    """Devices that hold g_on, g_off or nothing (open, 0 S), whatever their target.

    `on`, `off`, `open`: probabilities of the three faults, which are independent between devices
    and exclude each other; their sum is at most 1. They are resolved to 2^-24 = 6e-8. A stuck
    device passes no gradient. Listed last, the faults are exact; a later entry, such as
    `ReadNoise`, acts on stuck devices too.

    >>> from wordline import Memristor
    >>> device, g = Memristor(r_on_ohm=1.0, r_off_ohm=2.0), torch.full((3,), 0.75)
    >>> StuckDevices(on=1.0).apply(g, device, generator=torch.Generator()).tolist()
    [1.0, 1.0, 1.0]
    """

    passes: ClassVar[int] = 1

    on: float = 0.0
    off: float = 0.0
    open: float = 0.0

    def __post_init__(self) -> None:
        for name in ("on", "off", "open"):
            require_number(name, getattr(self, name), at_least=0.0, at_most=1.0)
        total = math.fsum((self.on, self.off, self.open))
        if total > 1:
            raise ValueError(
                f"`on` + `off` + `open` must be at most 1, got {self.on:g} + {self.off:g} + "
                f"{self.open:g} = {total:g}; "
                "they are probabilities of faults that exclude each other"
            )

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        # float32 as drawn: the same devices are stuck in every precision.
        draw = draw_uniform(g, generator).float()
        g = torch.where(draw < self.on + self.off + self.open, 0.0, g)
        g = torch.where(draw < self.on + self.off, device.g_off_siemens, g)
        return torch.where(draw < self.on, device.g_on_siemens, g)
