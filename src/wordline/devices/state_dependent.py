"""Programming variation that vanishes at both ends of the window."""

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
class StateDependentVariation(AbstractNonideality):
    """Variation that is largest in the middle of the window and zero at its ends.

        G + sigma sqrt((G - g_off)(g_on - G)) n,    clipped to [g_off, g_on],    n standard normal

    Programming saturates at the ends. `sigma`: >= 0; the standard deviation in the middle is
    sigma/2 of the window. A device at an end of the window, up to rounding, stays there; a device
    outside of it (an open one, or one that an earlier entry moved) is left unchanged. The gradient
    of a device at an end is 1: the slope of the square root is infinite there.

    >>> from wordline import Memristor
    >>> g = torch.tensor([0.5, 1.0])  # siemens: g_off and g_on of the device below
    >>> device = Memristor(r_on_ohm=1.0, r_off_ohm=2.0)
    >>> StateDependentVariation(sigma=0.2).apply(g, device, generator=torch.Generator()).tolist()
    [0.5, 1.0]
    """

    passes: ClassVar[int] = 1

    sigma: float

    def __post_init__(self) -> None:
        require_number("sigma", self.sigma, at_least=0.0)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        on, off = device.g_on_siemens, device.g_off_siemens
        share = (g - off) / (on - off)
        # A conductance within rounding of an end counts as that end: next to it the square root
        # would amplify the last bit.
        rounding = 4 * torch.finfo(g.dtype).eps * on / (on - off)
        inside = (share > rounding) & (share < 1 - rounding)
        # 1 elsewhere, against 0/0 in the backward pass.
        shape = torch.where(inside, share * (1 - share), 1.0).sqrt()
        realised = g + self.sigma * (on - off) * shape * draw_normal(g, generator)
        return torch.where(inside, realised.clamp(off, on), g)
