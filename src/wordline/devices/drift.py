"""Retention drift: conductances that decay after programming."""

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


@final
@dataclass(frozen=True)
class RetentionDrift(AbstractNonideality):
    """Power-law decay from programming to reading, with an exponent of its own for each device.

        G(t) = G(t0) (t / t0)^-nu,    nu = max(0, N(nu_mean, nu_sigma))

    `time_s`: t, the time of reading in seconds, >= `t0_s`, the time at which the conductances were
    the programmed ones. Exponents drawn below zero are set to zero: conductance never increases.
    Without that truncation (nu_mean >> nu_sigma) the mean factor is
    exp(-nu_mean L + nu_sigma^2 L^2 / 2), L = ln(t / t0). Devices may decay below g_off. Law and
    spread as measured on phase-change memory by Joshi et al., Nature Communications 11, 2473
    (2020), with nu_mean from 0.05 to 0.1; there both depend on the conductance, here they do not. A
    least-squares gain is measured before the drift unless it has `at_reading=True`.

    >>> from wordline import Memristor
    >>> day = RetentionDrift(time_s=1e4, t0_s=1.0, nu_mean=0.5, nu_sigma=0.0)
    >>> g = day.apply(torch.ones(1), Memristor(1.0, 2.0), generator=torch.Generator())
    >>> round(g.item(), 6)  # 10000^-0.5
    0.01
    """

    passes: ClassVar[int] = 1
    stage: ClassVar[Literal["programming", "retention", "read"]] = "retention"

    time_s: float
    t0_s: float
    nu_mean: float
    nu_sigma: float

    def __post_init__(self) -> None:
        require_number("t0_s", self.t0_s, above=0.0)
        require_number("time_s", self.time_s, above=0.0)
        if self.time_s < self.t0_s:
            raise ValueError(
                f"`time_s` must be at least `t0_s`, got time_s={self.time_s:g} and "
                f"t0_s={self.t0_s:g}; the law holds from t0 on, when the conductances are the "
                "programmed ones"
            )
        require_number("nu_mean", self.nu_mean, at_least=0.0)
        require_number("nu_sigma", self.nu_sigma, at_least=0.0)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        nu = (self.nu_mean + self.nu_sigma * draw_normal(g, generator)).clamp(min=0)
        log_ratio = math.log(self.time_s) - math.log(self.t0_s)  # the ratio itself might overflow
        return g * (-log_ratio * nu).exp()
