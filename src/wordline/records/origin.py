"""Origins of software networks: as they were trained, or weights changed to answer a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..values import Value, require_choice, require_number

if TYPE_CHECKING:  # an identity has an origin, which names other identities
    from .network_identity import NetworkIdentity

PARTS = ("layer", "column", "network")


@dataclass(frozen=True)
class AsTrained(Value):
    """Weights as they were trained."""


AS_TRAINED = AsTrained()


@dataclass(frozen=True)
class Attenuated(Value):
    """The attenuated twin of a chip: software's weights times the mean gain of the chip.

    `software`, `chip`: the networks it is made of; `per`: one factor for each "layer", each
    "column" or the whole "network".
    """

    software: NetworkIdentity
    chip: NetworkIdentity
    per: str = "layer"

    def __post_init__(self) -> None:
        require_choice("per", self.per, PARTS)

    @property
    def words(self) -> str:
        """The kind of twin in a word or three: "twin", "twin per column"."""
        return "twin" if self.per == "layer" else f"twin per {self.per}"


@dataclass(frozen=True)
class Scaled(Value):
    """All weights of `software` times one `factor`, without any hardware."""

    software: NetworkIdentity
    factor: float

    def __post_init__(self) -> None:
        require_number("factor", self.factor, at_least=0.0)
