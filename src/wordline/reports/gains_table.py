"""The table of gains: what chips lose, what they gain, and what of it their twins have too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from ..records import PooledEstimate
from ..values import Value
from .audit_notes import NamedAudit, audit_note
from .chip_mean import ChipMean
from .pools import pools_of
from .row_names import name_rows
from .table import Table, TableEntry

TITLE: Final = "Lost and gained over software"
COLUMNS: Final = (
    "CA lost", "AL advantage", "gain", "twins' share", "rest", "twins' CA less chips'",
)  # fmt: skip
NOTE: Final = (
    "AL advantage = CA lost + gain, gain = twins' share + rest; intervals are pooled over chips "
    "and images; no gain: 1.5 points are excluded"
)


def gains_table(
    results: Iterable[Value], title: str = TITLE, *, audits: Sequence[NamedAudit] = ()
) -> Table | None:
    """Tabulate `pools_of`, in percent, each row with the verdict that its intervals allow.

    A verdict is "gain", "loss", "no gain", "undecided" or "explained by attenuation"
    (`wordline.records.GainSplit`). None where no chip can be compared with software.
    """
    rows = pools_of(results)
    if not rows:
        return None
    names = name_rows([row.chips for row in rows])
    labels = [
        f"{label}, {len(row.chips)} chips" if len(row.chips) > 1 else label
        for label, row in zip(names.labels, rows, strict=True)
    ]
    entries = {}
    for label, row in zip(labels, rows, strict=True):
        estimates = [row.pooled.clean_loss, row.pooled.advantage, row.pooled.gain]
        if row.split:
            estimates += [row.split.attenuation, row.split.rest, row.split.kept]
        for column, estimate in zip(COLUMNS, estimates, strict=False):
            entries[label, column] = TableEntry(mean=_in_percent(estimate))
        gain = entries[label, "gain"].mean
        note = audit_note(row.chips, audits)
        entries[label, "gain"] = TableEntry(mean=gain, audit=note, verdict=row.verdict)
    images = " or ".join(map(str, sorted({row.software.images for row in rows})))
    return Table(
        title=title, corner=", ".join(names.varying),
        columns_title="quantity", quantity="", unit="%", decimals=1, rows=tuple(labels),
        columns=COLUMNS if any(row.split for row in rows) else COLUMNS[:3], entries=entries,
        note=", ".join([NOTE, *names.shared, f"{images} images"]),
    )  # fmt: skip


def has_twins(table: Table) -> bool:
    """Tell if any row is split into its twins' share and the rest."""
    return table.columns == COLUMNS


def _in_percent(estimate: PooledEstimate) -> ChipMean:
    value, low, high = (100 * part for part in (estimate.value, estimate.low, estimate.high))
    return ChipMean(value, low, high, spread=math.nan, chips=estimate.chips)
