"""A crossbar: the design of a chip, of which a seed draws one sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..circuits import Wires
from ..devices import AbstractNonideality, Memristor
from ..values import Value, require_instance, require_integer
from .encoding import AbstractEncoding, DifferentialPair
from .gain import AbstractGain, UnitGain
from .scale import AbstractScale, MaxScale


@dataclass(frozen=True, kw_only=True)
class Crossbar(Value):
    """Everything that decides which matrix a crossbar multiplies by when asked for another.

    `tile`: rows (inputs) and columns (outputs) of one array; `device`, `wires`: the physics; `nonidealities`: what
    happens at programming, in order; `gain`: the digital factor on the outputs, which has no default because a result
    without its gain means nothing; `encoding`: signs to conductances; `scale`: which weight fills the window.

    >>> Crossbar.preset("rethinking-64").tile
    (64, 64)
    """

    tile: tuple[int, int]
    device: Memristor
    wires: Wires
    gain: AbstractGain
    nonidealities: tuple[AbstractNonideality, ...] = ()
    encoding: AbstractEncoding = field(default_factory=DifferentialPair)
    scale: AbstractScale = field(default_factory=MaxScale)

    def __post_init__(self) -> None:
        if not isinstance(self.tile, tuple) or len(self.tile) != 2:
            raise TypeError(f"`tile` must be a pair (rows, cols) such as (64, 64), got {self.tile!r}")
        require_integer("tile rows", self.tile[0], at_least=1)
        require_integer("tile cols", self.tile[1], at_least=1)
        require_instance("device", self.device, Memristor)
        require_instance("wires", self.wires, Wires)
        require_instance("gain", self.gain, AbstractGain)
        if not isinstance(self.nonidealities, tuple):
            raise TypeError(
                f"`nonidealities` must be a tuple, got {self.nonidealities!r}; write (this,) for one of them"
            )
        for entry in self.nonidealities:
            require_instance("nonidealities", entry, AbstractNonideality)
        require_instance("encoding", self.encoding, AbstractEncoding)
        require_instance("scale", self.scale, AbstractScale)

    @staticmethod
    def preset(name: str, *, gain: AbstractGain | None = None) -> Crossbar:
        """A published or ideal crossbar by name, with the gain its source describes unless another is given."""
        from .presets import preset  # the presets are crossbars themselves

        return preset(name, gain or UnitGain())
