"""Reports as comma-separated values: every entry of every table, a line each."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from .default_table import tables_of
from .results import Results
from .table import json_entries

HEADER = (
    "table", "row", "column", "quantity", "unit", "published", "ours", "low", "high", "sd",
    "chips", "difference", "audit", "verdict",
)  # fmt: skip


def csv_report(all_results: Sequence[Results]) -> str:
    """Write every entry in full precision; what is not known stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    for results in all_results:
        for table in tables_of(results):
            writer.writerows(json_entries(table))
    return out.getvalue()
