"""The numbers of a table as text, the same in every format."""

from __future__ import annotations

import math
import re

from .table import Table, TableEntry


def format_number(value: float, decimals: int) -> str:
    """Write a number to so many decimals, without a sign on zero; NaN is empty.

    >>> format_number(-0.04, 1)
    '0.0'
    """
    if math.isnan(value):
        return ""
    return re.sub(r"^-(0\.?0*)$", r"\1", f"{value:.{decimals}f}")


def format_signed(value: float, decimals: int) -> str:
    """Write a difference: +1.3, -0.8, 0.0; NaN is empty."""
    plain = format_number(value, decimals)
    return f"+{plain}" if value > 0 and plain and float(plain) != 0 else plain


def format_ours(entry: TableEntry, decimals: int) -> str:
    """Write our number: 80.2 [76.5, 83.4], or of several chips 80.1 ± 0.5 (5) [76.4, 83.3]."""
    mean = entry.mean
    if math.isnan(mean.value):
        return ""
    parts = [format_number(mean.value, decimals)]
    if not math.isnan(mean.spread):
        parts.append(f"± {format_number(mean.spread, decimals)} ({mean.chips})")
    if not math.isnan(mean.low):
        low, high = (format_number(bound, decimals) for bound in (mean.low, mean.high))
        parts.append(f"[{low}, {high}]")
    return " ".join(parts)


def caption(table: Table) -> str:
    """Describe the numbers of a table: quantity, unit, columns, intervals, deviations."""
    means = [entry.mean for entry in table.entries.values()]
    quantity = " in ".join(part for part in (table.quantity, table.unit) if part)
    parts = [quantity if table.quantity else f"in {table.unit}" if table.unit else ""]
    parts.append(f"columns: {table.columns_title}")
    if any(not math.isnan(mean.low) for mean in means):
        parts.append("95 % intervals in brackets")
    if any(not math.isnan(mean.spread) for mean in means):
        parts.append("± standard deviation over chips")
    if table.compared:
        parts.append("difference: ours less published")
    return "; ".join(part for part in (*parts, table.note) if part)
