"""Reports in Markdown: every table of every folder, and what failed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .default_table import tables_of
from .numbers_as_text import caption, format_number, format_ours, format_signed
from .results import Results
from .table import Table


def markdown_report(all_results: Sequence[Results]) -> str:
    """Write the tables, failures and unreadable lines of every folder."""
    parts: list[str] = []
    for results in all_results:
        parts.append(f"# {_one_line(results.title)}\n")
        for name in ("reproduces", "expected", "command", "scale"):
            if text := results.study.get(name):
                parts.append(f"{name.capitalize()}: {_one_line(text)}\n")
        tables = [markdown_table(table) for table in tables_of(results)]
        parts += tables or ["No evaluations here.\n"]
        failures = [f"`{key}`: {_one_line(why)}" for key, why in results.failures.items()]
        parts += _list("Failed cells", failures)
        parts += _list("Unreadable lines", [_one_line(line) for line in results.unreadable])
    return "\n".join(parts)


def markdown_table(table: Table) -> str:
    """Write one table: ours with intervals; below a row, what was printed and the difference."""
    titles = table.remark_titles
    head = [table.corner or " ", *table.columns, *titles]
    lines = [f"### {_escaped(table.title)}", "", _escaped(caption(table)), "", _row(head)]
    lines.append("|---" + "|---:" * len(table.columns) + "|---" * len(titles) + "|")
    decimals = table.decimals
    for row in table.rows:
        entries = table.line(row)
        ours = (format_ours(entry, decimals) for entry in entries)
        lines.append(_row([row, *ours, *table.remarks(row)]))
        if any(not math.isnan(entry.published) for entry in entries):
            published = (format_number(entry.published, decimals) for entry in entries)
            differences = (format_signed(entry.difference, decimals) for entry in entries)
            empty = [""] * len(titles)
            printed = (f"*{number}*" if number else "" for number in published)
            lines += [_row(["*published*", *printed, *empty])]
            lines += [_row(["*difference*", *differences, *empty])]
    return "\n".join([*lines, ""])


def _list(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    return [f"**{title}: {len(items)}**\n", "\n".join(f"- {item}" for item in items) + "\n"]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escaped(cell).replace("|", r"\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: no tags, no line breaks."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\n", " ")


def _one_line(text: str) -> str:
    return " ".join(_escaped(text).split())
