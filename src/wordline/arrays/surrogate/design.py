"""The design of the arrays that a surrogate is fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ...circuits import AbstractDeviceLaw, Wires
from ...values import Value, require_instance, require_integer, require_number


@final
@dataclass(frozen=True, kw_only=True)
class ArrayDesign(Value):
    """The arrays that a surrogate replaces.

    `tile`: rows and columns; `g_off_siemens`, `g_on_siemens`: conductance window of the devices;
    `wires`; `law`: current of a device at a voltage; `volts`: largest row voltage.
    """

    tile: tuple[int, int]
    g_off_siemens: float
    g_on_siemens: float
    wires: Wires
    law: AbstractDeviceLaw
    volts: float

    def __post_init__(self) -> None:
        if not isinstance(self.tile, tuple) or len(self.tile) != 2:
            raise TypeError(
                f"`tile` must be a pair (rows, cols) such as (64, 64), got {self.tile!r}"
            )
        require_integer("tile rows", self.tile[0], at_least=1)
        require_integer("tile cols", self.tile[1], at_least=1)
        require_number("g_off_siemens", self.g_off_siemens, at_least=0.0)
        require_number("g_on_siemens", self.g_on_siemens, above=self.g_off_siemens)
        require_instance("wires", self.wires, Wires)
        require_instance("law", self.law, AbstractDeviceLaw)
        require_number("volts", self.volts, above=0.0)

    @property
    def full_scale_ampere(self) -> float:
        """Current of an ideal column of devices that are all on, at full voltage."""
        return self.tile[0] * self.g_on_siemens * self.volts
