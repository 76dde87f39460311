"""Chips of one design under one attack, beside their software and their attenuated twins."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..records import Attenuated, GainSplit, PooledGain, Scaled, pooled_gain, split_gain
from ..records.pairs import attack_key
from ..records.record import Record
from ..values import Value, encode
from .fields import format_field
from .robust_gains import ONE_DRAW, Network, key_of, software_of_chips


@dataclass(frozen=True)
class Pool:
    """Records of one design: its chips in the order of their seeds, each chip once.

    `software`: software's own record, under the same attack on the same images. `twins`: one for
    each chip, in their order, or none where any is missing. In place of chips there may be
    software with scaled weights.
    """

    software: Record
    chips: tuple[Record, ...]
    twins: tuple[Record, ...] = ()

    @property
    def first(self) -> Record:
        """Return the record of the first chip."""
        return self.chips[0]

    @property
    def transferred(self) -> bool:
        """True for images that were made on software."""
        return self.first.source == self.software.victim

    @property
    def images(self) -> str:
        """Say whose images these are: "white-box", "transferred", "of another network"."""
        own = "white-box" if self.first.source == self.first.victim else "of another network"
        return "transferred" if self.transferred else own

    @property
    def label(self) -> str:
        """Design and images in a few words: "64x64 UnitGain, driver 100 ohm, white-box"."""
        return f"{self.design}, {self.images}"

    @property
    def chip(self) -> bool:
        """True for chips, False for software with scaled weights."""
        return self.first.victim.is_chip

    @property
    def factor(self) -> float:
        """The factor of scaled weights; NaN for chips."""
        origin = self.first.victim.origin
        return origin.factor if isinstance(origin, Scaled) else float("nan")

    @property
    def design(self) -> str:
        """The design in a few words, without seed, setting and attack."""
        words = format_field(self.first, "tile")
        if not self.chip:
            return words
        driver = format_field(self.first, "driver_ohm")
        return f"{words} {self.first.victim.gain}, driver {driver} ohm"

    def pooled(self) -> PooledGain:
        """Pool the gain over all chips."""
        return pooled_gain(self.chips, self.software)

    def split(self) -> GainSplit | None:
        """Split the gain into the twins' share and the rest; None without twins."""
        return split_gain(self.chips, self.twins, self.software) if self.twins else None

    def each(self) -> list[Pool]:
        """Return a pool of each chip alone."""
        twins: tuple[Any, ...] = self.twins or (None,) * len(self.chips)
        return [
            replace(self, chips=(chip,), twins=(twin,) if twin else ())
            for chip, twin in zip(self.chips, twins, strict=True)
        ]


def pools_of(results: Iterable[Value]) -> list[Pool]:
    """Group the records of chips, and of scaled weights, that can be compared with software.

    Left out are records without answers, to clean or to attacked images, of one draw of read noise,
    of a chip that no transfer record names a network for, and those for which there is no record of
    software, or more than one; and of two records of one chip all but the first.
    """
    records = [r for r in results if isinstance(r, Record) and r.answers and r.clean_answers]
    records = [r for r in records if not any(ONE_DRAW in flag for flag in r.flags)]
    made_from = software_of_chips(records)
    software: dict[Any, list[Record]] = {}
    twins: dict[Any, Record] = {}
    for record in records:
        origin = record.victim.origin
        if isinstance(origin, Attenuated):
            place = key_of(origin.chip), _source(record), _images(record)
            twins[place] = record if origin.per == "layer" else twins.get(place, record)
        elif record.setting == "SW" and not isinstance(origin, Scaled):
            software.setdefault((key_of(record.victim), _images(record)), []).append(record)
    groups: dict[Any, dict[Any, tuple[Record, Record]]] = {}
    for record in records:
        own = _networks(record, made_from)
        beside = software.get((*own, _images(record)), []) if len(own) == 1 else []
        if len(beside) != 1 or record is beside[0]:
            continue
        design = json.dumps([encode(record.victim.crossbar), _factor(record)])
        group = groups.setdefault((*own, _images(record), record.setting, design), {})
        group.setdefault(key_of(record.victim), (record, beside[0]))
    return [_pool(list(group.values()), twins) for group in groups.values()]


def _pool(group: list[tuple[Record, Record]], twins: dict[Any, Record]) -> Pool:
    chips = sorted((chip for chip, _ in group), key=lambda chip: chip.victim.seed)
    found = [
        twins.get((key_of(chip.victim), _source(chip), _images(chip))) for chip in chips
    ]
    complete = tuple(twin for twin in found if twin is not None)
    return Pool(group[0][1], tuple(chips), complete if len(complete) == len(chips) else ())


def _networks(record: Record, made_from: dict[Network, set[Network]]) -> set[Network]:
    """Return the software networks that a chip, or scaled weights, may be made from."""
    origin = record.victim.origin
    if isinstance(origin, Scaled):
        return {key_of(origin.software)}
    return made_from.get(key_of(record.victim), set()) if record.victim.is_chip else set()


def _source(record: Record) -> Any:
    """Tell whose images a victim gets: its own, or those of a network."""
    return "own" if record.source == record.victim else key_of(record.source)


def _images(record: Record) -> tuple[Any, ...]:
    return record.fingerprint, record.images, *attack_key(record)


def _factor(record: Record) -> float:
    origin = record.victim.origin
    return origin.factor if isinstance(origin, Scaled) else 1.0
