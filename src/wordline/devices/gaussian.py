"""Programming variation in proportion to the conductance."""

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
class GaussianVariation(AbstractNonideality):
    """Conductances G (1 + sigma n), n standard normal (arXiv 2008.11298, section III).

    `sigma`: relative standard deviation, >= 0. The factor is truncated at 0: no conductance is
    negative.

    >>> from wordline import Memristor
    >>> g = torch.full((2, 2), 5e-5)
    >>> variation, device = GaussianVariation(sigma=0.0), Memristor(2e4, 2e5)
    >>> torch.equal(variation.apply(g, device, generator=torch.Generator()), g)
    True
    """

    passes: ClassVar[int] = 1

    sigma: float

    def __post_init__(self) -> None:
        require_number("sigma", self.sigma, at_least=0.0)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        return g * (1 + self.sigma * draw_normal(g, generator)).clamp(min=0)
