"""Read noise of a spectrum 1/f, which grows with the time since programming."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from ..values import require_instance, require_number
from .device import AbstractDevice
from .draws import draw_normal
from .nonideality import AbstractNonideality

_SMALLEST_SHARE = 1e-7


@final
@dataclass(frozen=True)
class FlickerNoise(AbstractNonideality):
    """Conductances G (1 + s n) >= 0, n standard normal, with the 1/f noise of phase-change memory.

        s = scale Q sqrt(ln((t + t_read) / (2 t_read))),    Q = min(0.0088 / max(g^0.65, 1e-3), 0.2)

    g = G / g_on. `time_s`: t, seconds since programming; `read_s`: t_read, of one read; `scale`:
    1 is the noise of those devices. Constants: `PCMLikeNoiseModel` of aihwkit, fitted by
    Nandakumar et al., ICECS 2019 (t_read 250 ns).

    A read is one forward pass, as in `ReadNoise`, and G is the conductance that is read. With
    `frozen=True` n is drawn once, at programming and at its place among the non-idealities: listed
    in front of drift, g is that of the programmed device, and the result is that of aihwkit, which
    draws it once for all reads at a time t.

    >>> noise = FlickerNoise(time_s=20.0)
    >>> s = noise.relative_deviation(torch.tensor([1.0], dtype=torch.float64))
    >>> round(s.item(), 5)  # 0.0088 sqrt(ln(4e7))
    0.03682
    """

    passes: ClassVar[int] = 1
    stage: ClassVar[Literal["programming", "retention", "read"]] = "read"

    time_s: float
    read_s: float = 250e-9
    frozen: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_number("read_s", self.read_s, above=0.0)
        require_number("time_s", self.time_s, at_least=self.read_s)
        require_instance("frozen", self.frozen, bool)
        require_number("scale", self.scale, at_least=0.0)

    @property
    def per_read(self) -> bool:
        return not self.frozen

    def frozen_noise(self) -> FlickerNoise:
        return replace(self, frozen=True)

    def scaled_noise(self, scale: float) -> FlickerNoise:
        return replace(self, scale=self.scale * scale) if self.per_read else self

    def relative_deviation(self, share: Tensor) -> Tensor:
        """Return s for shares g of the largest conductance."""
        power = share.clamp(min=_SMALLEST_SHARE).pow(0.65).clamp(min=1e-3)
        log = math.log((self.time_s + self.read_s) / (2 * self.read_s))
        return self.scale * math.sqrt(log) * (0.0088 / power).clamp(max=0.2)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        s = self.relative_deviation(g / device.g_on_siemens)
        return g * (1 + s * draw_normal(g, generator)).clamp(min=0)
