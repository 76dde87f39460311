"""Gains of designs over software, pooled over chips and images, and split where twins are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..records import Attenuated, GainSplit, PooledGain, pooled_gain, split_gain
from ..records.record import Record
from ..values import Value
from .conditions import groups_of_chips
from .robust_gains import Network, condition_of, key_of, pair_with_software


@dataclass(frozen=True)
class Pool:
    """One design under one attack from one source: its chips, and what they lose and gain.

    `split` is None where a chip has no twin, or more than one, attacked as it is.
    """

    chips: tuple[Record, ...]
    software: Record
    twins: tuple[Record, ...]
    pooled: PooledGain
    split: GainSplit | None

    @property
    def verdict(self) -> str:
        """The verdict on the gain, of the split where there is one."""
        return self.pooled.verdict if self.split is None else self.split.verdict


def pools_of(results: Iterable[Value]) -> list[Pool]:
    """Pool every design's chips against software, a row an attack and a source of images.

    Rows are of chips, with their twins (one factor a layer) beside them, and of software whose
    weights are multiplied by one factor. Chips are paired as for the quantity "robust gain"; chips
    of equal content count once; images crafted on another software network are left out, because
    software's own record is no counterpart of theirs.
    """
    pairs = [pair for pair in pair_with_software(results) if pair[0].clean_answers]
    twins: dict[Any, list[Record]] = {}
    for own, _ in pairs:
        if isinstance(own.victim.origin, Attenuated) and own.victim.origin.per == "layer":
            twins.setdefault(place_of(own), []).append(own)
    beside = {id(own): software for own, software in pairs if is_comparable(own, software)}
    shown = [own for own, _ in pairs if id(own) in beside and not own.victim.is_twin]
    rows = []
    for group in groups_of_chips(shown):
        of_software: dict[Network, dict[Network, Record]] = {}
        for chip in group:
            software = key_of(beside[id(chip)].victim)
            of_software.setdefault(software, {}).setdefault(key_of(chip.victim), chip)
        rows += [_row(tuple(c.values()), beside, twins) for c in of_software.values()]
    return rows


def _row(
    chips: tuple[Record, ...], beside: Mapping[int, Record], twins: Mapping[Any, list[Record]]
) -> Pool:
    software = beside[id(chips[0])]
    found = [twins.get(place_of(chip), []) for chip in chips]
    own = tuple(one[0] for one in found if len(one) == 1)
    if len(own) < len(chips):
        return Pool(chips, software, (), pooled_gain(chips, software), None)
    split = split_gain(chips, own, software)
    return Pool(chips, software, own, pooled_gain(chips, software), split)


def place_of(record: Record) -> tuple[Any, ...]:
    """Return what a chip's record and its twin's share: chip, attack, and whose images."""
    white = key_of(record.source) == key_of(record.victim)
    source = ("own",) if white else key_of(record.source)
    return record.victim.chip, source, *condition_of(record)


def is_comparable(record: Record, software: Record) -> bool:
    """False for images crafted on a software network that is neither the victim nor `software`."""
    own = key_of(record.victim), key_of(software.victim)
    return record.source.is_chip or key_of(record.source) in own
