"""A crossbar: the design of a chip, of which a seed draws one sample."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
from ..values import Value, require_instance, require_integer, require_number
from .encoding import AbstractEncoding, DifferentialPair
from .gain import AbstractGain, UnitGain
from .packing import AbstractPacking, OneGroupPerTile
from .scale import AbstractScale, MaxScale
from .slicing import AbstractSlicing, BitSlicing, NoSlicing


@dataclass(frozen=True, kw_only=True)
class Crossbar(Value):
    """Everything that decides what a crossbar answers when asked for a product.

    `tile`: rows (inputs) and columns (outputs) of one array; `device`, `wires`: the physics; `nonidealities`: what
    happens to the devices, in order; `gain`: the digital factor on the outputs, which has no default because a result
    without its gain means nothing; `encoding`: signs to conductances; `scale`: which weight fills the window;
    `slicing`: weights over cells and inputs over reads; `dac`, `adc`: converters in front of the rows and behind every
    column of a tile; `array`: how voltages become currents; `read_volt`: word-line voltage of the largest input;
    `packing`: whether groups of a grouped layer share tiles.

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

    def __post_init__(self) -> None:
        if not isinstance(self.tile, tuple) or len(self.tile) != 2:
            raise TypeError(f"`tile` must be a pair (rows, cols) such as (64, 64), got {self.tile!r}")
        require_integer("tile rows", self.tile[0], at_least=1)
        require_instance("device", self.device, AbstractDevice)
        require_instance("wires", self.wires, Wires)
        require_instance("gain", self.gain, AbstractGain)
        if not isinstance(self.nonidealities, tuple):
            raise TypeError(
                f"`nonidealities` must be a tuple, got {self.nonidealities!r}; write (this,) for one of them"
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

    def _require_one_input_width(self) -> None:
        sliced, dac = isinstance(self.slicing, BitSlicing), self.dac
        if sliced and isinstance(dac, UniformConverter) and not (dac.bits == self.slicing.input_bits and dac.signed):  # type: ignore[attr-defined]
            raise ValueError(
                f"`dac` has {dac.bits} {'signed' if dac.signed else 'unsigned'} bits where `slicing` has input_bits="
                f"{self.slicing.input_bits}; with streams the DAC says the range of the whole input: give it the same "  # type: ignore[attr-defined]
                "number of signed bits"
            )

    @property
    def is_matrix(self) -> bool:
        """True where inputs meet nothing but a matrix: programming once says everything."""
        return self.array.linear and self.adc.ideal and self.dac.ideal and isinstance(self.slicing, NoSlicing)

    @property
    def stochastic(self) -> bool:
        """True where something is drawn anew at each read."""
        return any(entry.fresh for entry in self.nonidealities)

    @property
    def calibrated(self) -> bool:
        """True where a converter's range is measured on data, by `calibrate`."""
        return any(isinstance(c.range, Calibrated) and not c.ideal for c in (self.dac, self.adc))

    @property
    def held(self) -> Crossbar:
        """The same crossbar with everything that is drawn anew at each read drawn once instead."""
        return replace(self, nonidealities=tuple(entry.held() for entry in self.nonidealities))

    @property
    def as_programmed(self) -> Crossbar:
        """The same crossbar at the moment of programming: without drift, and without what is listed behind it."""
        later = [n for n, entry in enumerate(self.nonidealities) if entry.moment == "retention"]
        return replace(self, nonidealities=self.nonidealities[: later[0]]) if later else self

    def with_noise(self, scale: float) -> Crossbar:
        """The same crossbar, everything that is drawn anew at each read `scale` >= 0 times as strong."""
        require_number("scale", scale, at_least=0.0)
        return replace(self, nonidealities=tuple(entry.noisier(scale) for entry in self.nonidealities))

    @property
    def window_siemens(self) -> float:
        """g_on - g_off."""
        return self.device.g_on_siemens - self.device.g_off_siemens

    @property
    def weight_cols(self) -> int:
        """Columns of a tile that hold weights."""
        return self.tile[1] - self.encoding.spare_cols

    @staticmethod
    def preset(name: str, *, gain: AbstractGain | None = None) -> Crossbar:
        """A published or ideal crossbar by name, with the gain its source describes unless another is given."""
        from .presets import preset  # the presets are crossbars themselves

        return preset(name, gain or UnitGain())
