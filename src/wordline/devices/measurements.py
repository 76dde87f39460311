"""Tables of measured conductances: reading and checking."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..values import require_number

COLUMNS = ("target", "mean", "std")
PER_SIEMENS = {"S": 1.0, "uS": 1e6}
Row = tuple[float, float, float]


def require_measurements(rows: Sequence[tuple[str, Row]]) -> None:
    """Refuse rows `(where, (target, mean, deviation))` that are no table of a device.

    `where` opens the error message.
    """
    if len(rows) < 2:
        where = f"; {rows[0][0]} is the only one" if rows else ""
        raise ValueError(f"a table of measurements needs at least 2 rows, got {len(rows)}{where}")
    previous = -1.0
    for where, row in rows:
        for column, value in zip(COLUMNS, row, strict=True):
            _require_conductance(where, column, value)
        if row[0] <= previous:
            fault = "repeats" if row[0] == previous else "is smaller than"
            raise ValueError(
                f"{where}: target {row[0]:g} S {fault} the one before, {previous:g} S; "
                "sort the table by target and list each target once"
            )
        previous = row[0]


def read_measurements(path: Path) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Read targets, means and standard deviations, in siemens; see `MeasuredDevice.from_csv`."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ValueError(
            f"`path` {str(path)!r} cannot be read ({reason}); pass a CSV file"
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header, *lines = [(reader.line_num, fields) for fields in reader] or [(1, [])]
    except csv.Error as error:
        raise ValueError(
            f"`path` {str(path)!r}, line {reader.line_num} is not CSV ({error})"
        ) from error
    chosen = [_find(path, header[1], column) for column in COLUMNS]
    rows: list[tuple[str, Row]] = []
    for number, fields in lines:
        where = f"`path` {str(path)!r}, line {number}"
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(header[1]):
            raise ValueError(
                f"{where} has {len(fields)} fields and the header {len(header[1])}; "
                "write one for each"
            )
        target, mean, std = (
            _number(where, column, fields[i]) / per
            for column, (i, per) in zip(COLUMNS, chosen, strict=True)
        )
        rows.append((where, (target, mean, std)))
    if not rows:
        raise ValueError(
            f"`path` {str(path)!r} holds no measurements below its header; "
            "at least 2 rows are needed"
        )
    require_measurements(rows)
    targets, means, deviations = zip(*(row for _, row in rows), strict=True)
    return targets, means, deviations


def _find(path: Path, header: list[str], column: str) -> tuple[int, float]:
    """Index of a column, and its units per siemens."""
    found = [
        (i, per)
        for i, name in enumerate(header)
        for unit, per in PER_SIEMENS.items()
        if name.strip() == f"{column}_{unit}"
    ]
    if len(found) != 1:
        what = "no column" if not found else f"{len(found)} columns"
        raise ValueError(
            f"`path` {str(path)!r}, line 1: {what} {column}_S or {column}_uS in the header "
            f"{', '.join(header)!r}; it must name each of target, mean and std once, with its "
            "unit: target_uS,mean_uS,std_uS"
        )
    return found[0]


def _number(where: str, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{where}: {column} {text!r} is not a number") from error


def _require_conductance(where: str, column: str, value: float) -> None:
    try:
        require_number(column, value, at_least=0.0)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from None
