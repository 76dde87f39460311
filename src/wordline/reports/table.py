"""A table ready to be written: labels of rows and columns, and an entry for some of their pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..records.record import Estimate
from ..values import Value
from .audit_notes import NamedAudit, audit_note
from .chip_mean import ChipMean, mean_over_chips

NAN = math.nan
NO_MEAN = ChipMean(NAN, NAN, NAN, NAN, 0)


@dataclass(frozen=True)
class TableEntry:
    """One number of a table in its unit: published, and ours over chips. NaN stands for none.

    `audit`, `verdict`: words that stand behind the row.
    """

    published: float = NAN
    mean: ChipMean = NO_MEAN
    audit: str = ""
    verdict: str = ""

    @property
    def ours(self) -> float:
        """The mean over chips."""
        return self.mean.value

    @property
    def difference(self) -> float:
        """Ours less the published value."""
        return self.ours - self.published


NO_ENTRY = TableEntry()


@dataclass(frozen=True)
class Table:
    """A table; `columns_title` says what its columns are, `corner` what its rows are."""

    title: str
    corner: str
    columns_title: str
    quantity: str
    unit: str
    decimals: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    entries: dict[tuple[str, str], TableEntry]
    note: str = ""

    def entry(self, row: str, column: str) -> TableEntry:
        """Return the entry, empty where nothing is known."""
        return self.entries.get((row, column), NO_ENTRY)

    def line(self, row: str) -> list[TableEntry]:
        """Return the entries of a row, column by column."""
        return [self.entry(row, column) for column in self.columns]

    def audits(self, row: str) -> str:
        """Summarise a row's audits: each verdict once, unqualified if one entry has it so."""
        notes: dict[str, str] = {}
        for note in (note for entry in self.line(row) for note in entry.audit.split("; ") if note):
            verdict, qualified, _ = note.partition(" (")
            notes[verdict] = notes.get(verdict, note) if qualified else verdict
        return "; ".join(notes.values())

    @property
    def remark_titles(self) -> tuple[str, ...]:
        """The columns of words behind the numbers: "verdict", "audit", if any entry has one."""
        entries = self.entries.values()
        return tuple(n for n in ("verdict", "audit") if any(getattr(e, n) for e in entries))

    def remarks(self, row: str) -> list[str]:
        """Return the words behind a row, one for each of `remark_titles`."""
        verdict = next((entry.verdict for entry in self.line(row) if entry.verdict), "")
        words = {"verdict": verdict, "audit": self.audits(row)}
        return [words[name] for name in self.remark_titles]

    @property
    def compared(self) -> bool:
        """True if any value was published."""
        return any(not math.isnan(entry.published) for entry in self.entries.values())


def make_entry(
    results: Sequence[Value], estimates: Sequence[Estimate], audits: Sequence[NamedAudit],
    scale: float = 100.0, published: float = NAN,
) -> TableEntry:  # fmt: skip
    """Make the entry of one result, or of results that are chips of one design."""
    if not results:
        return TableEntry(published=published)
    return TableEntry(published, mean_over_chips(estimates, scale), audit_note(results, audits))


def json_entries(table: Table) -> list[dict[str, Any]]:
    """List the entries as JSON data in full precision; null stands for what is not known."""
    return [
        {
            "table": table.title, "row": row, "column": column,
            "quantity": table.quantity or column, "unit": table.unit,
            "published": _or_null(entry.published), "ours": _or_null(entry.ours),
            "low": _or_null(entry.mean.low), "high": _or_null(entry.mean.high),
            "sd": _or_null(entry.mean.spread), "chips": entry.mean.chips,
            "difference": _or_null(entry.difference), "audit": entry.audit,
            "verdict": entry.verdict,
        }
        for row in table.rows for column in table.columns
        if (entry := table.entries.get((row, column))) is not None
    ]  # fmt: skip


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value
