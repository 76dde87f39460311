"""Results in the layout of a published table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from .conditions import conditions
from .fields import MISSING, format_field, network_of
from .layout import Axis, Layout
from .measurement import Measurement
from .quantities import QUANTITIES
from .results import Results
from .robust_gains import Network, key_of, software_of_chips
from .table import NAN, Table, make_entry

Place = tuple[str, str]  # labels of row and column


def tabulate(layout: Layout, results: Results) -> Table:
    """Put the results of a folder into a layout.

    Raises ValueError if one entry would mix results that differ in more than the chip.
    """
    quantity = QUANTITIES[layout.quantity]
    groups: dict[Place, list[Measurement]] = {}
    for measured in quantity.measure(results.records.values()):
        if _is_in(layout, measured) and not math.isnan(measured.estimate.value):
            place = _label(layout.rows, measured), _label(layout.columns, measured)
            groups.setdefault(place, []).append(measured)
    software_of = software_of_chips(results.records.values())
    published = {(p.row, p.column): p.value for p in layout.published}
    places = list(dict.fromkeys([*published, *groups]))
    entries = {}
    for place in places:
        group = groups.get(place, [])
        _require_one_design(place, group, layout, software_of)
        entries[place] = make_entry(
            [measured.result for measured in group], [measured.estimate for measured in group],
            results.audits, quantity.scale, published.get(place, NAN),
        )  # fmt: skip
    return Table(
        title=layout.title, corner=layout.rows.title, columns_title=layout.columns.title,
        quantity=quantity.name, unit=quantity.unit, decimals=quantity.decimals,
        rows=_in_order(layout.rows, (row for row, _ in places)),
        columns=_in_order(layout.columns, (column for _, column in places)),
        entries=entries, note=layout.note,
    )  # fmt: skip


def _is_in(layout: Layout, measured: Measurement) -> bool:
    """Software has no gain, and stands beside the chips of every gain."""
    is_software = format_field(measured.result, "tile") == "software"
    return all(
        measured.format_field(name) == word or (name == "gain" and is_software)
        for name, word in layout.where
    )


def _label(axis: Axis, measured: Measurement) -> str:
    words = [measured.format_field(name) for name in axis.fields]
    label = " ".join(word for word in words if word != MISSING) or MISSING
    return dict(axis.names).get(label, label)


def _in_order(axis: Axis, labels: Iterable[str]) -> tuple[str, ...]:
    """The labels that the axis orders, then all others as they came."""
    present = dict.fromkeys(labels)
    first = dict.fromkeys(dict(axis.names).get(label, label) for label in axis.order)
    head = [label for label in first if label in present]
    return *head, *(label for label in present if label not in first)


def _require_one_design(
    place: Place, group: Sequence[Measurement], layout: Layout,
    software_of: Mapping[Network, set[Network]],
) -> None:  # fmt: skip
    """Refuse a group of results that are not different chips of one design."""
    if len(group) < 2:
        return
    first, *others = (conditions(measured.result) for measured in group)
    for other in others:
        for name in sorted({*first, *other}):
            if first.get(name) != other.get(name):
                raise ValueError(
                    f"`layout` {layout.title!r} puts records into the entry {place} that differ in "
                    f"{name!r} ({first.get(name)!r} and {other.get(name)!r}); name that field in "
                    "`rows`, `columns` or `where`"
                )
    chips = [network_of(measured.result).chip for measured in group]
    if len(set().union(*(software_of.get(key_of(chip), set()) for chip in chips))) > 1:
        raise ValueError(
            f"`layout` {layout.title!r} puts chips of two networks into the entry {place}; "
            "name `model` in `rows` or `columns`, or keep one in the folder"
        )
    seeds = [chip.seed for chip in chips]
    if len(set(seeds)) < len(seeds):
        raise ValueError(
            f"`layout` {layout.title!r} finds two records of one seed in the entry {place}, "
            "of two networks or runs; keep one in the folder"
        )
