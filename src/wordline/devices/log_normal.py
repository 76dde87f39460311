"""Programming variation of the logarithm of the conductance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..values import require_number
from .device import AbstractDevice
from .draws import draw_normal
from .nonideality import AbstractNonideality

# A factor of 148 for each standard deviation; beyond it float32 may overflow.
LARGEST_SIGMA = 5.0


@final
@dataclass(frozen=True)
class LogNormalVariation(AbstractNonideality):
    """Conductances G exp(sigma n), n standard normal: half of them above the target.

        median = G,   mean = G exp(sigma^2 / 2),   standard deviation = mean sqrt(exp(sigma^2) - 1)

    The median is kept, not the mean: ln G varies around its target. The mean rises by 0.5 % at
    sigma 0.1 and 13 % at 0.5, alike for all devices, which the output gain may undo. `sigma`:
    standard deviation of ln G, from 0 to 5; for small sigma it is the relative standard deviation
    of G.

    >>> from wordline import Memristor
    >>> g = torch.full((2, 2), 5e-5)
    >>> variation, device = LogNormalVariation(sigma=0.0), Memristor(2e4, 2e5)
    >>> torch.equal(variation.apply(g, device, generator=torch.Generator()), g)
    True
    """

    passes: ClassVar[int] = 1

    sigma: float

    def __post_init__(self) -> None:
        require_number("sigma", self.sigma, at_least=0.0, at_most=LARGEST_SIGMA)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        return g * (self.sigma * draw_normal(g, generator)).exp()
