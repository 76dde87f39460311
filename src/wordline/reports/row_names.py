"""Names of groups of chips: the words that tell them apart, and those that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..records.record import Record
from .conditions import conditions
from .fields import MISSING, format_field, format_value

FIELDS = ("setting", "tile", "gain", "attack", "eps", "steps", "loss", "model", "data")


class RowNames(NamedTuple):
    """A label for every group, the fields that the labels consist of, and what all share."""

    labels: tuple[str, ...]
    varying: tuple[str, ...]
    shared: tuple[str, ...]


def name_rows(groups: Sequence[Sequence[Record]]) -> RowNames:
    """Name groups of chips by the fields along which they differ; no two labels are equal."""
    if not groups:
        return RowNames((), (), ())
    firsts = [group[0] for group in groups]
    words = {name: [format_field(record, name) for record in firsts] for name in FIELDS}
    varying = [name for name in FIELDS if len(set(words[name])) > 1] or ["setting", "tile"]
    labels = [
        " ".join(words[name][i] for name in varying if words[name][i] != MISSING)
        for i in range(len(groups))
    ]
    shared = [
        f"{name} {words[name][0]}" for name in FIELDS
        if name not in varying and words[name][0] != MISSING
    ]  # fmt: skip
    distinct = _distinct(labels, [conditions(record) for record in firsts])
    return RowNames(tuple(distinct), tuple(varying), tuple(shared))


def _distinct(labels: list[str], conditions: list[dict[str, Any]]) -> list[str]:
    """Add to equal labels the first condition that tells their records apart, or else a number."""
    distinct: list[str] = []
    for index, label in enumerate(labels):
        alike = [i for i, other in enumerate(labels) if other == label]
        if len(alike) > 1:
            found = {name for i in alike for name in conditions[i]}
            names = sorted(found, key=lambda name: (not name.startswith("victim."), name))
            telling = (
                name for name in names
                if len({repr(conditions[i].get(name)) for i in alike}) == len(alike)
            )  # fmt: skip
            name = next(telling, "")
            value = format_value(conditions[index].get(name))
            suffix = f"{name.removeprefix('victim.')} {value}" if name else ""
            label += f" {suffix or f'({1 + alike.index(index)})'}"
        distinct.append(label)
    return distinct
