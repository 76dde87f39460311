"""The identity of a network in a record: its fingerprints, the chip it is, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..values import Value
from .origin import AS_TRAINED, Attenuated


@dataclass(frozen=True)
class Software(Value):
    """No crossbar: the network runs in software."""


@dataclass(frozen=True)
class NetworkIdentity(Value):
    """A network that takes part in an evaluation, as victim or as source.

    `network`: its class; `weights`: sixteen hex digits of its parameters and buffers; `structure`:
    sixteen of its modules, their order and their plain attributes (stride, number of bits, ...);
    `crossbar` and `seed`: the chip it is, if it is one; `calibration`: on which images its
    converters were set; `gradient`: how far autograd is the hardware's own ("exact",
    "straight-through", "none", ...); `origin`: how its weights came from those of another network,
    if they did (`Attenuated`, `Scaled`).
    """

    former_names: ClassVar[tuple[str, ...]] = ("Party",)

    network: str
    weights: str
    crossbar: Value = Software()
    seed: int = 0
    gradient: str = "exact"
    structure: str = ""
    calibration: str = ""
    origin: Value = AS_TRAINED

    @property
    def is_chip(self) -> bool:
        """True for a chip, False for a software network."""
        return not isinstance(self.crossbar, Software)

    @property
    def tile(self) -> tuple[int, int]:
        """Rows and columns of the chip's arrays; (0, 0) in software."""
        return getattr(self.crossbar, "tile", (0, 0))

    @property
    def gain(self) -> str:
        """Class name of the chip's gain, or of a crossbar that has none."""
        return type(getattr(self.crossbar, "gain", self.crossbar)).__name__

    @property
    def chip(self) -> NetworkIdentity:
        """The chip that the network is, or is the attenuated twin of; else the network itself."""
        return self.origin.chip if isinstance(self.origin, Attenuated) else self

    @property
    def is_twin(self) -> bool:
        """True for the attenuated twin of a chip."""
        return isinstance(self.origin, Attenuated)
