"""Write-verify: devices that miss their target are programmed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..values import require_instance, require_integer, require_number
from .device import AbstractDevice
from .drift import RetentionDrift
from .flicker_noise import FlickerNoise
from .nonideality import AbstractNonideality
from .pcm_drift import PCMDrift
from .read_noise import ReadNoise
from .stuck import StuckDevices

NOT_REWRITTEN = (StuckDevices, RetentionDrift, PCMDrift, ReadNoise, FlickerNoise)


@final
@dataclass(frozen=True)
class WriteVerify(AbstractNonideality):
    """A variation, drawn again for devices that are too far from their target.

    `variation`: effect of one programming, drawn for each attempt; `tolerance`: largest
    |G - target| that is accepted, as a share of the window g_on - g_off, >= 0; `attempts`: largest
    number of programmings, >= 1; 1 is `variation` alone. A device that never comes within tolerance
    keeps its last value: if one programming misses with probability p, that is a share p^attempts
    of the devices. The target is the conductance before this entry, and reading back is exact.

    Faults, drift and read noise are not redrawn by programming again: they belong behind this
    entry, not inside it.

    >>> from wordline import GaussianVariation, Memristor
    >>> scheme = WriteVerify(GaussianVariation(sigma=0.1), tolerance=0.1, attempts=20)  # p = 0.32
    >>> device = Memristor(1.0, float("inf"))
    >>> realised = scheme.apply(torch.ones(1000), device, generator=torch.Generator())
    >>> bool(((realised - 1).abs() <= 0.1).all())
    True
    """

    variation: AbstractNonideality
    tolerance: float
    attempts: int

    def __post_init__(self) -> None:
        require_instance("variation", self.variation, AbstractNonideality)
        if isinstance(self.variation, NOT_REWRITTEN):
            name = type(self.variation).__name__
            raise ValueError(
                f"`variation` is {name}, which writing a device again does not redraw; "
                f"list it behind this entry: (WriteVerify(...), {name}(...))"
            )
        require_number("tolerance", self.tolerance, at_least=0.0)
        require_integer("attempts", self.attempts, at_least=1)

    def apply(self, g: Tensor, device: AbstractDevice, *, generator: torch.Generator) -> Tensor:
        return self.apply_with_generators(g, device, [generator] * self.attempts)

    @property
    def passes(self) -> int:  # type: ignore[override]
        """Attempts, where one of them is one pass."""
        return self.attempts if self.variation.passes == 1 else 0

    def apply_with_generators(
        self, g: Tensor, device: AbstractDevice, generators: Sequence[torch.Generator]
    ) -> Tensor:
        accepted = self.tolerance * (device.g_on_siemens - device.g_off_siemens)
        realised = self.variation.apply(g, device, generator=generators[0])
        for generator in generators[1:]:
            # All devices draw each time: the random numbers do not depend on rounding at the edge
            # of the tolerance.
            rewritten = self.variation.apply(g, device, generator=generator)
            realised = torch.where((realised - g).abs() > accepted, rewritten, realised)
        return realised
