"""Drift of phase-change memory, whose exponent depends on the conductance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from ..values import require_number
from .device import AbstractDevice
from .draws import draw_normal
from .nonideality import AbstractNonideality

_SMALLEST_SHARE = 1e-7  # whose logarithm is taken in the place of that of zero


@final
@dataclass(frozen=True)
class PCMDrift(AbstractNonideality):
    """Power-law decay with an exponent for each device, larger for small conductances.

        G(t) = G(t0) (t / t0)^-nu,    nu = |mean + deviation n|,    g = G / g_on
        mean = clip(-0.0155 ln g + 0.0244, 0.049, 0.1)
        deviation = clip(-0.0125 ln g - 0.0059, 0.008, 0.045)

    `time_s`: t, seconds from programming to the read, on the clock in which the conductances were
    the programmed ones at `t0_s`, 20 s in these data; >= `t0_s`. g is that of the target, whatever
    programming made of it. Nothing decays at t0. Constants: `PCMLikeNoiseModel` of aihwkit, fitted
    to measured devices by Nandakumar et al., ICECS 2019. Its `t_inference` is t - t0. A gain
    measured before the drift undoes nothing of it: `LeastSquaresGain(at_reading=True)` does, as
    the global compensation of a chip would.

    >>> from wordline import Memristor
    >>> mean, deviation = PCMDrift(time_s=3600).exponents(torch.tensor([1.0]))
    >>> round(mean.item(), 6), round(deviation.item(), 6)
    (0.049, 0.008)
    """

    stage: ClassVar[Literal["programming", "retention", "read"]] = "retention"
    needs_target: ClassVar[bool] = True

    time_s: float
    t0_s: float = 20.0

    def __post_init__(self) -> None:
        require_number("t0_s", self.t0_s, above=0.0)
        require_number("time_s", self.time_s, at_least=self.t0_s)

    def exponents(self, share: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the exponents for shares g of the largest G."""
        log = share.clamp(min=_SMALLEST_SHARE).log()
        mean = (-0.0155 * log + 0.0244).clamp(0.049, 0.1)
        return mean, (-0.0125 * log - 0.0059).clamp(0.008, 0.045)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        return self.apply_to_target(g, g, device, generator=generator)

    def apply_to_target(
        self, g: Tensor, target: Tensor, device: AbstractDevice, *, generator: torch.Generator
    ) -> Tensor:
        mean, deviation = self.exponents(target.detach() / device.g_on_siemens)
        nu = (mean + deviation * draw_normal(g, generator)).abs()
        return g * (-(math.log(self.time_s) - math.log(self.t0_s)) * nu).exp()
