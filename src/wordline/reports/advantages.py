"""Points of the picture of gains: AL advantage over software against clean accuracy lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..records import PooledGain, Scaled, pooled_gain
from ..records.record import Record, describe_attack
from ..values import Value
from .fields import MISSING, describe_design, epsilon, format_field
from .pools import is_comparable, place_of
from .robust_gains import key_of, pair_with_software

WHITE_BOX, TRANSFERRED = "white-box", "transferred"


@dataclass(frozen=True)
class AdvantagePoint:
    """One chip, or a stand-in, under one attack: what it lost, and its advantage in AL.

    `twin_of`: the number of the point of the chip whose twin it is, -1 of none.
    """

    record: Record
    software: Record
    gain: PooledGain
    twin_of: int = -1

    @property
    def panel(self) -> str:
        """ "white-box" for images crafted on the victim itself, else "transferred"."""
        white = key_of(self.record.source) == key_of(self.record.victim)
        return WHITE_BOX if white else TRANSFERRED

    @property
    def kind(self) -> str:
        """ "chip", "twin", or "scaled": software whose weights are multiplied by one factor."""
        if self.record.victim.is_twin:
            return "twin"
        return "chip" if self.record.victim.is_chip else "scaled"

    @property
    def factor(self) -> float:
        """The factor of scaled weights; 1 of any other."""
        origin = self.record.victim.origin
        return origin.factor if isinstance(origin, Scaled) else 1.0

    @property
    def attack(self) -> str:
        """The attack and its radius in a few words."""
        return describe_attack(self.record.attack)

    @property
    def name(self) -> str:
        """The victim in a few words: network, tile, gain and seed, and the wires of its arrays."""
        chip, parts = self.record.victim.chip, []
        for name in ("row_ohm", "col_ohm"):
            if (word := format_field(self.record, name)) != MISSING:
                parts.append(f"{name.removesuffix('_ohm')} {word} ohm")
        design = describe_design(self.record.victim)
        return ", ".join([f"{chip.network} {design}", *parts])


def advantage_points(results: Iterable[Value]) -> list[AdvantagePoint]:
    """Return a point of every chip and stand-in that can be paired with software.

    Intervals are of that chip alone, over images. The order is that of the results.
    """
    pairs = [
        (own, software) for own, software in pair_with_software(results)
        if own.clean_answers and is_comparable(own, software)
    ]  # fmt: skip
    chips: dict[Any, int] = {}
    for number, (own, _) in enumerate(pairs):
        if own.victim.is_chip:
            chips.setdefault(place_of(own), number)
    return [
        AdvantagePoint(
            own, software, pooled_gain([own], software),
            chips.get(place_of(own), -1) if own.victim.is_twin else -1,
        )
        for own, software in pairs
    ]  # fmt: skip


def factor_curves(points: Iterable[AdvantagePoint]) -> list[list[AdvantagePoint]]:
    """Return the sweeps of software's factor, each of one attack, source and network, in order."""
    curves: dict[Any, list[AdvantagePoint]] = {}
    for point in points:
        if point.kind == "scaled":
            key = point.panel, point.record.attack, id(point.software), epsilon(point.record)
            curves.setdefault(key, []).append(point)
    return [sorted(curve, key=lambda point: point.factor) for curve in curves.values()]
