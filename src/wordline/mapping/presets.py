"""Crossbars by name, each with the source of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..circuits import Wires
from ..devices import GaussianVariation, Memristor
from .crossbar import Crossbar
from .gain import AbstractGain


@dataclass(frozen=True)
class Preset:
    """A crossbar to be finished by its gain, and where its numbers come from."""

    build: Callable[[AbstractGain], Crossbar]
    source: str


def _ideal(gain: AbstractGain) -> Crossbar:
    return Crossbar(tile=(64, 64), device=Memristor(r_on_ohm=20e3, r_off_ohm=200e3), wires=Wires(), gain=gain)


def _rethinking(size: int) -> Callable[[AbstractGain], Crossbar]:
    def build(gain: AbstractGain) -> Crossbar:
        return Crossbar(
            tile=(size, size),
            device=Memristor(r_on_ohm=20e3, r_off_ohm=200e3),
            wires=Wires(driver_ohm=1e3, row_ohm=5.0, col_ohm=10.0, sense_ohm=1e3),
            nonidealities=(GaussianVariation(sigma=0.1),),
            gain=gain,
        )

    return build


_RETHINKING_SOURCE = (
    "arXiv 2008.11298: r_on 20 kOhm and on/off ratio 10 are in its text; driver, row, column and sense resistance "
    "(1000, 5, 10, 1000 ohm) and sigma 0.1 are assumed, from other papers of the same group"
)
PRESETS = {
    "ideal": Preset(_ideal, "no parasitics, no variation: the chip computes what software does, up to rounding"),
    **{f"rethinking-{size}": Preset(_rethinking(size), _RETHINKING_SOURCE) for size in (16, 32, 64)},
}


def preset(name: str, gain: AbstractGain) -> Crossbar:
    """The crossbar `name` with the given gain; raises ValueError for an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"`name` must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name].build(gain)
