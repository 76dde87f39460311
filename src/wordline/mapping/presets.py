"""Settings of crossbars by name, each with the source of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arrays import SurrogateArray
from ..circuits import Wires
from ..devices import (
    FixedRange,
    FullScale,
    GaussianVariation,
    Memristor,
    SampleMax,
    UniformConverter,
)
from .encoding import OffsetColumn
from .scale import FixedScale
from .slicing import BitSlicing


@dataclass(frozen=True)
class Preset:
    """Settings of a crossbar without its gain, and the source of their numbers.

    `settings`: fields of `Crossbar` by name.
    """

    settings: dict[str, Any]
    source: str


def _ideal() -> dict[str, Any]:
    return {"tile": (64, 64), "device": Memristor(r_on_ohm=20e3, r_off_ohm=200e3), "wires": Wires()}


def _rethinking(size: int) -> dict[str, Any]:
    return {
        "tile": (size, size),
        "device": Memristor(r_on_ohm=20e3, r_off_ohm=200e3),
        "wires": Wires(driver_ohm=1e3, row_ohm=5.0, col_ohm=10.0, sense_ohm=1e3),
        "nonidealities": (GaussianVariation(sigma=0.1),),
    }


def _matched(size: int) -> dict[str, Any]:
    literal = _rethinking(size)
    return literal | {"wires": literal["wires"].scaled(MATCHED[size])}


def _puma(size: int, r_on_ohm: float) -> dict[str, Any]:
    return {
        "tile": (size, size),
        "device": Memristor(r_on_ohm=r_on_ohm, r_off_ohm=6 * r_on_ohm),
        "wires": Wires(driver_ohm=500.0, row_ohm=2.5, col_ohm=2.5, sense_ohm=100.0),
        "scale": FixedScale.point(bits=16, fraction_bits=13),
        "slicing": BitSlicing(16, 4, 16, 4, accumulator_bits=32, accumulator_drops=2),
        "dac": UniformConverter(bits=16, range=FixedRange((2**15 - 1) / 2**13)),
        "adc": UniformConverter(bits=14, range=FullScale(), signed=False),
        "array": SurrogateArray.of(f"builtin:puma-{size}x{size}-{r_on_ohm / 1e3:.0f}k"),
    }


def _isaac() -> dict[str, Any]:
    return {
        "tile": (128, 128),
        "device": Memristor(r_on_ohm=100e3, r_off_ohm=10e6),
        "wires": Wires(),
        "encoding": OffsetColumn(),
        "slicing": BitSlicing(16, 2, 16, 1),
        "dac": UniformConverter(bits=16, range=SampleMax()),
        "adc": UniformConverter(bits=9, range=FullScale(), signed=False, less_off_current=True),
    }


_IDEAL_SOURCE = "no parasitics, no variation: the chip computes what software does, up to rounding"
_PUMA_SOURCE = (
    "arXiv 2109.09060 and its public code: tile, r_on and r_off, 16-bit fixed point with 13 "
    "fraction bits, 4-bit slices and streams, 14-bit ADC, 32-bit accumulator with 24 fraction "
    "bits, 0.25 V; driver, wire and sense resistance (500, 2.5, 2.5, 100 ohm) and the sinh law "
    "with b = 4 /V are assumed; that code takes the current of off cells from ideal currents and "
    "divides the rest by its ratio, here both halves of a pair are converted whole; arrays are "
    "read by a surrogate of the nonlinear solve, and array=NonlinearArray(SinhDevice(4.0)) solves "
    "it"
)
_ISAAC_SOURCE = (
    "after ISAAC (Shafiee 2016): 128 x 128 arrays, 16-bit weights over 2-bit cells with an offset, "
    "16-bit inputs bit by bit; its encoding that saves one of the ADC's 9 bits is not modelled; "
    "resistances are assumed and wires ideal"
)
_RETHINKING_SOURCE = (
    "arXiv 2008.11298: r_on 20 kOhm and on/off ratio 10 are in its text; driver, row, column and "
    "sense resistance (1000, 5, 10, 1000 ohm) and sigma 0.1 are assumed, from other papers of the "
    "same group"
)
MATCHED = {16: 0.24, 32: 0.13, 64: 0.11}  # factors of the parasitics of `rethinking-N`, by tile


def _matched_source(size: int) -> str:
    return (
        f"rethinking-{size} with all four parasitics x {MATCHED[size]}, so that chips lose as much "
        "clean accuracy as Table II of arXiv 2008.11298 allows at most (software 86.88 % or more; "
        "78.41, 77.54 and 72.40 % on 16, 32 and 64 tiles): found by `match_parasitics` with unit "
        "gain on a public ResNet-20 (studies/matched_chips.py), 3 chips, the last 1,000 test "
        "images of CIFAR-10"
    )


PRESETS = {
    "ideal": Preset(_ideal(), _IDEAL_SOURCE),
    **{
        f"rethinking-{size}": Preset(_rethinking(size), _RETHINKING_SOURCE) for size in (16, 32, 64)
    },
    **{
        f"rethinking-matched-{size}": Preset(_matched(size), _matched_source(size))
        for size in MATCHED
    },
    "puma-32x32-100k": Preset(_puma(32, 100e3), _PUMA_SOURCE),
    "puma-64x64-100k": Preset(_puma(64, 100e3), _PUMA_SOURCE),
    "puma-64x64-300k": Preset(_puma(64, 300e3), _PUMA_SOURCE),
    "isaac-like": Preset(_isaac(), _ISAAC_SOURCE),
}
