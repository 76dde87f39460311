"""Records in the layout of a table: published value, ours, interval, spread over chips, difference, audit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .fields import MISSING, Plain, at, conditions, estimate, word
from .flags import flag
from .layout import ROBUST_GAIN_FIELD, Axis, Layout
from .results import Results
from .robust_gains import Network, network, sources, with_robust_gains

NAN = math.nan


@dataclass(frozen=True)
class Cell:
    """One number of a table, in its unit. NaN: there is none.

    `ours`: the mean over `chips`; `low`, `high`: its 95 % interval over images, the mean of the chips' own (they answer
    to the same images, so more chips make it no narrower); `spread`: sample standard deviation over chips.
    """

    published: float = NAN
    ours: float = NAN
    low: float = NAN
    high: float = NAN
    spread: float = NAN
    chips: int = 0
    flag: str = ""

    @property
    def difference(self) -> float:
        """Ours less the published value."""
        return self.ours - self.published


@dataclass(frozen=True)
class Sheet:
    """A table ready to be written: labels of rows and columns, and a cell for some of their pairs."""

    title: str
    corner: str
    across: str
    quantity: str
    unit: str
    decimals: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    note: str = ""

    def cell(self, row: str, column: str) -> Cell:
        """The cell, empty if nothing is known."""
        return self.cells.get((row, column), Cell())

    def flags(self, row: str) -> str:
        """What audits say of the chips of a row: each verdict once, without reserve if a cell has it so."""
        found: dict[str, str] = {}
        for said in (words for column in self.columns for words in self.cell(row, column).flag.split("; ") if words):
            verdict, reserve, _ = said.partition(" (")
            found[verdict] = found.get(verdict, said) if reserve else verdict
        return "; ".join(found.values())

    @property
    def audited(self) -> bool:
        """Whether any cell has an audit."""
        return any(cell.flag for cell in self.cells.values())

    @property
    def compared(self) -> bool:
        """Whether any value was published."""
        return any(not math.isnan(cell.published) for cell in self.cells.values())


def lay_out(layout: Layout, results: Results) -> Sheet:
    """The records in the layout. Raises ValueError if one cell would mix records that differ in more than the chip."""
    groups: dict[tuple[str, str], list[Plain]] = {}
    for plain in _numbered(layout, results):
        if all(word(plain, name) == wanted or _beside(plain, name) for name, wanted in layout.where):
            place = _label(layout.rows, plain), _label(layout.columns, plain)
            if not math.isnan(estimate(plain, layout.path)[0]):
                groups.setdefault(place, []).append(plain)
    made_from = sources(results.records.values())
    printed = {(p.row, p.column): p.value for p in layout.published}
    places = list(dict.fromkeys([*printed, *groups]))
    cells = {}
    for place in places:
        members = groups.get(place, [])
        _require_alike(place, members, layout, made_from)
        cells[place] = cell_of(members, layout.path, layout.scale, printed.get(place, NAN), results.audits)
    return Sheet(
        title=layout.title, corner=layout.rows.title, across=layout.columns.title, quantity=layout.quantity,
        unit=layout.unit, decimals=layout.decimals, rows=_ordered(layout.rows, (row for row, _ in places)),
        columns=_ordered(layout.columns, (column for _, column in places)), cells=cells, note=layout.note,
    )  # fmt: skip


def _numbered(layout: Layout, results: Results) -> Iterator[Plain]:
    """The records, those of pairs with their gain; or of every record each element of a list, under `each`."""
    records = results.records.values()
    for plain in with_robust_gains(records) if layout.path == ROBUST_GAIN_FIELD else records:
        if layout.each:
            yield from ({**plain, "each": element} for element in at(plain, layout.each) or ())
        else:
            yield plain


def plain_cells(sheet: Sheet) -> list[dict[str, Any]]:
    """The cells as JSON data; what is not known is null."""
    return [
        {"table": sheet.title, "row": row, "column": column, "quantity": sheet.quantity or column, "unit": sheet.unit}
        | {name: None if value != value else value for name, value in vars(cell).items()}
        | {"difference": None if math.isnan(cell.difference) else cell.difference}
        for row in sheet.rows for column in sheet.columns
        if (row, column) in sheet.cells for cell in [sheet.cells[row, column]]
    ]  # fmt: skip


def cell_of(members: Sequence[Plain], path: str, scale: float, published: float, audits: Sequence[Plain]) -> Cell:
    """The cell of records that are chips of one design, or of one record."""
    if not members:
        return Cell(published=published)
    values, lows, highs = (
        [scale * part for part in parts] for parts in zip(*(estimate(m, path) for m in members), strict=True)
    )
    return Cell(
        published=published, ours=statistics.fmean(values), low=min(statistics.fmean(lows), statistics.fmean(highs)),
        high=max(statistics.fmean(lows), statistics.fmean(highs)),
        spread=statistics.stdev(values) if len(values) > 1 else NAN, chips=len(values), flag=flag(members, audits),
    )  # fmt: skip


def _require_alike(
    place: tuple[str, str], members: Sequence[Plain], layout: Layout, made_from: Mapping[Network, set[Network]]
) -> None:
    if len(members) < 2:
        return
    first = conditions(members[0])
    for other in map(conditions, members[1:]):
        for name in sorted({*first, *other}):
            if first.get(name) != other.get(name):
                raise ValueError(
                    f"`layout` {layout.title!r} puts records into the cell {place} that differ in {name!r} "
                    f"({first.get(name)!r} and {other.get(name)!r}); name that field in `rows`, `columns` or `where`"
                )
    if len(set().union(*(made_from.get(network(member, "victim"), set()) for member in members))) > 1:
        raise ValueError(
            f"`layout` {layout.title!r} puts chips of two networks into the cell {place}; name `model` in `rows` or "
            "`columns`, or keep one in the folder"
        )
    seeds = [word(member, "seed") for member in members]
    if len(set(seeds)) < len(seeds):
        raise ValueError(
            f"`layout` {layout.title!r} finds two records of one seed in the cell {place}, of two networks or runs; "
            "keep one in the folder"
        )


def _beside(plain: Plain, name: str) -> bool:
    """Software has no gain, and stands beside the chips of every gain."""
    return name == "gain" and word(plain, "tile") == "software"


def _label(axis: Axis, plain: Plain) -> str:
    words = [word(plain, name) for name in axis.fields]
    label = " ".join(w for w in words if w != MISSING) or MISSING
    return dict(axis.names).get(label, label)


def _ordered(axis: Axis, labels: Iterable[str]) -> tuple[str, ...]:
    there = list(dict.fromkeys(labels))
    first = [dict(axis.names).get(label, label) for label in axis.order]
    return tuple([label for label in first if label in there] + [label for label in there if label not in first])
