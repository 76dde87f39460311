"""Programming variation that is a polynomial of the conductance, as fitted to measured devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..values import require_number
from .device import AbstractDevice
from .draws import draw_normal
from .nonideality import AbstractNonideality


@final
@dataclass(frozen=True)
class PolynomialVariation(AbstractNonideality):
    """Conductances G + sigma(G) n, clipped at 0, with n standard normal and a fitted sigma.

        sigma = sum_k c_k g^k,    g = G / g_on

    `coefficients_siemens`: c_0, c_1, ... in siemens, of the device whose g_on they were fitted
    with; where the polynomial is negative, sigma is 0. Phase-change memory (Nandakumar et al.,
    ICECS 2019, as the `PCMLikeNoiseModel` of aihwkit prints it): 0.26348, 1.9650, -1.1731 uS at
    g_on = 25 uS.

    >>> from wordline import Memristor
    >>> pcm = PolynomialVariation((0.26348e-6, 1.9650e-6, -1.1731e-6))
    >>> g = torch.tensor([25e-6], dtype=torch.float64)
    >>> round(1e6 * pcm.deviation(g, Memristor(40e3, float("inf"))).item(), 5)
    1.05538
    """

    passes: ClassVar[int] = 1

    coefficients_siemens: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.coefficients_siemens, tuple) or not self.coefficients_siemens:
            raise TypeError(
                "`coefficients_siemens` must be a tuple of at least one number, got "
                f"{self.coefficients_siemens!r}; write (c_0, c_1, ...) in siemens"
            )
        for value in self.coefficients_siemens:
            require_number("coefficients_siemens", value)

    def deviation(self, g: Tensor, device: AbstractDevice) -> Tensor:
        """Return the standard deviation in siemens of conductances of any shape."""
        share = g / device.g_on_siemens
        sigma = torch.zeros_like(share)
        for coefficient in reversed(self.coefficients_siemens):
            sigma = sigma * share + coefficient
        return sigma.clamp(min=0)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        return (g + self.deviation(g, device) * draw_normal(g, generator)).clamp(min=0)
