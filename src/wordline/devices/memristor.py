"""A memristive device: a window of conductances, continuous or in levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..values import require_integer, require_number
from .device import AbstractDevice

CONTINUOUS = 0


@final
@dataclass(frozen=True)
class Memristor(AbstractDevice):
    """A device programmable between 1/r_off and 1/r_on siemens.

    `levels`: number of programmable conductances, evenly spaced over the window with both ends
    among them; 0 means any conductance in the window. The device holds its target exactly; errors
    are a crossbar's non-idealities. Raises ValueError unless 0 < r_on < r_off (r_off may be
    infinite).

    >>> device = Memristor(r_on_ohm=20e3, r_off_ohm=200e3)
    >>> round(device.g_on_siemens * 1e6, 9), round(device.g_off_siemens * 1e6, 9)
    (50.0, 5.0)
    """

    passes: ClassVar[int] = 1

    r_on_ohm: float
    r_off_ohm: float
    levels: int = CONTINUOUS

    def __post_init__(self) -> None:
        require_number("r_on_ohm", self.r_on_ohm, above=0.0)
        require_number("r_off_ohm", self.r_off_ohm, above=0.0, finite=False)
        if self.r_off_ohm <= self.r_on_ohm:
            raise ValueError(
                f"`r_off_ohm` must be greater than `r_on_ohm`, got r_off_ohm={self.r_off_ohm:g} "
                f"and r_on_ohm={self.r_on_ohm:g}; the off state is the more resistive one"
            )
        require_integer("levels", self.levels, at_least=0)
        if self.levels == 1:
            raise ValueError(
                "`levels` must be 0 (continuous) or at least 2, got 1; "
                "one level holds no information"
            )

    @property
    def g_on_siemens(self) -> float:
        """Largest conductance, 1/r_on."""
        return 1.0 / self.r_on_ohm

    @property
    def g_off_siemens(self) -> float:
        """Smallest conductance, 1/r_off."""
        return 1.0 / self.r_off_ohm

    def conductance(self, share: Tensor) -> Tensor:
        """Return the target for a share of the window, 0 -> g_off and 1 -> g_on, as a level.

        Rounding passes gradients straight through: hardware-aware training differentiates the
        unrounded weight.
        """
        if self.levels:
            steps = self.levels - 1
            share = share + ((share * steps).round() / steps - share).detach()
        return self.g_off_siemens + share * (self.g_on_siemens - self.g_off_siemens)

    def programmed(self, g: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return the target, bit for bit; nothing is drawn."""
        return g

    def describe(self) -> str:
        on, off = self.g_on_siemens * 1e6, self.g_off_siemens * 1e6
        levels = "any conductance in between"
        if self.levels:
            levels = f"{self.levels} evenly spaced levels"
        return f"{self.r_on_ohm:g} to {self.r_off_ohm:g} ohm = {on:g} to {off:g} uS; {levels}"
