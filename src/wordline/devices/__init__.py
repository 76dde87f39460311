"""What happens to a conductance between being asked for and being there; siemens in, siemens out, cell by cell.

The mapping asks for conductances inside a device's window. What the array then holds comes about in this order:

1. **The device** (`AbstractDevice.programmed`). A `Memristor` holds what it is asked for. A `MeasuredDevice` lands
   around the mean of its table with the table's standard deviation.
2. **Programming** (`AbstractNonideality.apply`, in the order of the crossbar's tuple). Order is physics:
   variation, then faults, leaves stuck devices exactly stuck; the other way round, variation moves them too.
   The order of events in an array: variation (`GaussianVariation`, `LogNormalVariation`, `StateDependentVariation`, or
   one of them inside `WriteVerify`), then `StuckDevices`, then `RetentionDrift`; list the entries so, unless you mean
   otherwise. With a `MeasuredDevice` no variation is needed: its table has it.
3. **The read** (entries that are `fresh`: `ReadNoise`). Drawn anew each time the array is used, on what programming
   left, wherever it stands in the tuple. A frozen `ReadNoise` is drawn at programming, at its place in the tuple.

Converters (`UniformConverter`) stand in front of word lines and behind bit lines; a range says their full scale.

Nothing here knows of wires or of neighbouring cells: that is `circuits`. One seed is one chip: draws are made in
float32 on the generator's device, whatever the precision and the device of the conductances.
"""

from .converters import AbstractConverter, IdealConverter, UniformConverter
from .device import AbstractDevice
from .drift import RetentionDrift
from .gaussian import GaussianVariation
from .log_normal import LogNormalVariation
from .measured import MeasuredDevice
from .memristor import Memristor
from .nonideality import AbstractNonideality
from .ranges import AbstractRange, Calibrated, FixedRange, FullScale, SampleMax
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
    "FullScale",
    "GaussianVariation",
    "IdealConverter",
    "LogNormalVariation",
    "MeasuredDevice",
    "Memristor",
    "ReadNoise",
    "RetentionDrift",
    "SampleMax",
    "StateDependentVariation",
    "StuckDevices",
    "UniformConverter",
    "WriteVerify",
]
