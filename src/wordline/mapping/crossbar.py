"""A crossbar: the design of a chip, of which a seed draws one sample."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

from ..arrays import AbstractArray, ExactArray
from ..circuits import Wires
from ..devices import (
    AbstractConverter,
    AbstractDevice,
    AbstractNonideality,
    Calibrated,
    IdealConverter,
    UniformConverter,
)
from ..devices.converters import require_adc, require_dac
from ..devices.output_noise import NO_OUTPUT_NOISE, OutputNoise, require_noise
from ..values import Value, require_instance, require_integer, require_number
from .encoding import AbstractEncoding, DifferentialPair
from .gain import AbstractGain, UnitGain
from .packing import AbstractPacking, OneGroupPerTile
from .presets import PRESETS
from .scale import AbstractScale, MaxScale
from .slicing import AbstractSlicing, BitSlicing, NoSlicing


@final
@dataclass(frozen=True, kw_only=True)
class Crossbar(Value):
    """The design of a crossbar: all that decides the products it computes.

    `tile`: rows (inputs) and columns (outputs) of one array; `device`, `wires`: the physics;
    `nonidealities`: what happens to the devices, in order; `gain`: digital factor on the outputs,
    without a default because a result without its gain means nothing; `encoding`: signs to
    conductances; `scale`: which weight fills the conductance window; `slicing`: weights over cells
    and inputs over reads; `dac`, `adc`: converters in front of the rows and behind every column of
    a tile; `array`: how voltages become currents; `read_volt`: word-line voltage of the largest
    input; `packing`: how groups share tiles; `output_noise`: added to the currents of columns.

    >>> Crossbar.preset("rethinking-64").tile
    (64, 64)
    """

    tile: tuple[int, int]
    device: AbstractDevice
    wires: Wires
    gain: AbstractGain
    nonidealities: tuple[AbstractNonideality, ...] = ()
    encoding: AbstractEncoding = field(default_factory=DifferentialPair)
    scale: AbstractScale = field(default_factory=MaxScale)
    slicing: AbstractSlicing = field(default_factory=NoSlicing)
    dac: AbstractConverter = field(default_factory=IdealConverter)
    adc: AbstractConverter = field(default_factory=IdealConverter)
    array: AbstractArray = field(default_factory=ExactArray)
    read_volt: float = 0.25
    packing: AbstractPacking = field(default_factory=OneGroupPerTile)
    output_noise: OutputNoise = NO_OUTPUT_NOISE

    def __post_init__(self) -> None:
        if not isinstance(self.tile, tuple) or len(self.tile) != 2:
            raise TypeError(
                f"`tile` must be a pair (rows, cols) such as (64, 64), got {self.tile!r}"
            )
        require_integer("tile rows", self.tile[0], at_least=1)
        require_instance("device", self.device, AbstractDevice)
        require_instance("wires", self.wires, Wires)
        require_instance("gain", self.gain, AbstractGain)
        if not isinstance(self.nonidealities, tuple):
            raise TypeError(
                f"`nonidealities` must be a tuple, got {self.nonidealities!r}; "
                "write (this,) for one of them"
            )
        for entry in self.nonidealities:
            require_instance("nonidealities", entry, AbstractNonideality)
        require_instance("encoding", self.encoding, AbstractEncoding)
        require_integer("tile cols", self.tile[1], at_least=1 + self.encoding.spare_cols)
        require_instance("scale", self.scale, AbstractScale)
        require_instance("slicing", self.slicing, AbstractSlicing)
        require_dac(self.dac)
        require_adc(self.adc)
        require_instance("array", self.array, AbstractArray)
        require_instance("packing", self.packing, AbstractPacking)
        require_number("read_volt", self.read_volt, above=0.0)
        self._require_one_input_width()
        require_noise(self.output_noise, self.adc)

    def _require_one_input_width(self) -> None:
        slicing, dac = self.slicing, self.dac
        if not isinstance(slicing, BitSlicing) or not isinstance(dac, UniformConverter):
            return
        if dac.bits != slicing.input_bits or not dac.signed:
            raise ValueError(
                f"`dac` has {dac.bits} {'signed' if dac.signed else 'unsigned'} bits where "
                f"`slicing` has input_bits={slicing.input_bits}; with streams the DAC says the "
                "range of the whole input: give it the same number of signed bits"
            )

    @property
    def is_matrix(self) -> bool:
        """True where a read is nothing but a product with the effective weights."""
        no_converters = self.adc.ideal and self.dac.ideal and not self.output_noise.sigma
        return self.array.linear and no_converters and self.slicing.analog

    @property
    def stochastic(self) -> bool:
        """True where something is drawn at each read."""
        return self.noisy_devices or self.output_noise.per_read

    @property
    def noisy_devices(self) -> bool:
        """True where conductances are drawn at each read."""
        return any(entry.per_read for entry in self.nonidealities)

    @property
    def needs_calibration(self) -> bool:
        """True where the range of a converter is measured on data, by `calibrate`."""
        converters = (self.dac, self.adc)
        return any(isinstance(c.range, Calibrated) and not c.ideal for c in converters)

    @property
    def frozen_noise(self) -> Crossbar:
        """The same crossbar with per-read noise drawn once, at programming, instead."""
        frozen = tuple(entry.frozen_noise() for entry in self.nonidealities)
        return replace(self, nonidealities=frozen, output_noise=self.output_noise.frozen_noise())

    @property
    def before_drift(self) -> Crossbar:
        """The same crossbar without drift, and without what is listed behind drift."""
        for n, entry in enumerate(self.nonidealities):
            if entry.stage == "retention":
                return replace(self, nonidealities=self.nonidealities[:n])
        return self

    def with_noise(self, scale: float) -> Crossbar:
        """Return the same crossbar with per-read noise `scale` >= 0 times as strong."""
        require_number("scale", scale, at_least=0.0)
        scaled = tuple(entry.scaled_noise(scale) for entry in self.nonidealities)
        loud = self.output_noise.scaled_noise(scale)
        return replace(self, nonidealities=scaled, output_noise=loud)

    @property
    def window_siemens(self) -> float:
        """Width of the conductance window, g_on - g_off."""
        return self.device.g_on_siemens - self.device.g_off_siemens

    @property
    def weight_cols(self) -> int:
        """Columns of a tile that hold weights."""
        return self.tile[1] - self.encoding.spare_cols

    @staticmethod
    def preset(name: str, *, gain: AbstractGain | None = None) -> Crossbar:
        """Build a published or ideal crossbar by name.

        `gain`: `UnitGain()` unless given, as the sources describe. Raises ValueError for an unknown
        name.
        """
        if name not in PRESETS:
            raise ValueError(f"`name` must be one of {', '.join(PRESETS)}, got {name!r}")
        return Crossbar(**PRESETS[name].settings, gain=gain or UnitGain())
