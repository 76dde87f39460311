"""Devices: from the conductance that is asked for to the one that is held, siemens in, siemens out.

The mapping asks for conductances inside a device's window. The conductance that a cell then holds
is set in three steps:

1. **The device** (`AbstractDevice.programmed`). A `Memristor` holds the target exactly. A
   `MeasuredDevice` has the mean and the standard deviation of its table.
2. **Programming** (`AbstractNonideality.apply`, in the order of the crossbar's tuple). The order
   matters: variation, then faults, leaves stuck devices exactly stuck; the other way round,
   variation moves them too. Events in an array happen in this order: variation
   (`GaussianVariation`, `LogNormalVariation`, `StateDependentVariation`, `PolynomialVariation`, or
   one of them inside `WriteVerify`), then `StuckDevices`, then `RetentionDrift` or `PCMDrift`. List
   the entries so unless you mean otherwise. A `MeasuredDevice` needs no variation: its table has
   it.
3. **The read** (entries with `per_read`: `ReadNoise`, `FlickerNoise`). Drawn each time the array is
   used, on top of the programmed conductances, at any place in the tuple. A frozen one is drawn at
   programming, at its place in the tuple.

Converters (`UniformConverter`) stand in front of word lines and behind bit lines; a range gives
their full scale. `OutputNoise` is added to the currents between bit lines and converters; it is no
non-ideality of a device, and has a field of its own in the crossbar.

No code here depends on wires or on neighbouring cells: that is `circuits`. One seed is one chip:
draws are made in float32 on the generator's device, whatever the precision and the device of the
conductances.
"""

from .converters import AbstractConverter, IdealConverter, UniformConverter
from .device import AbstractDevice
from .drift import RetentionDrift
from .flicker_noise import FlickerNoise
from .gaussian import GaussianVariation
from .log_normal import LogNormalVariation
from .measured import MeasuredDevice
from .memristor import Memristor
from .nonideality import AbstractNonideality
from .output_noise import OutputNoise
from .pcm_drift import PCMDrift
from .polynomial import PolynomialVariation
from .ranges import AbstractRange, Calibrated, FixedRange, FullScale, OutputBound, SampleMax
from .read_noise import ReadNoise
from .state_dependent import StateDependentVariation
from .stuck import StuckDevices
from .write_verify import WriteVerify

__all__ = [
    "AbstractConverter",
    "AbstractDevice",
    "AbstractNonideality",
    "AbstractRange",
    "Calibrated",
    "FixedRange",
    "FlickerNoise",
    "FullScale",
    "GaussianVariation",
    "IdealConverter",
    "LogNormalVariation",
    "MeasuredDevice",
    "Memristor",
    "OutputBound",
    "OutputNoise",
    "PCMDrift",
    "PolynomialVariation",
    "ReadNoise",
    "RetentionDrift",
    "SampleMax",
    "StateDependentVariation",
    "StuckDevices",
    "UniformConverter",
    "WriteVerify",
]
