"""A whole report as text: every table of every folder, and what failed."""

from __future__ import annotations

from collections.abc import Sequence

from .general import sheets_of
from .results import Results
from .sheet import Sheet
from .writers import comma_separated, latex, markdown


def markdown_report(all_results: Sequence[Results]) -> str:
    """Tables, failures and unreadable lines of every folder, as Markdown."""
    parts: list[str] = []
    for results in all_results:
        parts.append(f"# {one_line(results.title)}\n")
        for name in ("reproduces", "expected", "command", "scale"):
            if said := results.study.get(name):
                parts.append(f"{name.capitalize()}: {one_line(str(said))}\n")
        parts += [markdown(sheet) for sheet in sheets_of(results)] or ["No evaluations here.\n"]
        parts += _missing(results)
    return "\n".join(parts)


def csv_report(all_results: Sequence[Results]) -> str:
    """Every cell of every table, a line each."""
    return comma_separated(_sheets(all_results))


def latex_report(all_results: Sequence[Results]) -> str:
    """Every table, one after another, without a preamble."""
    head = "% needs \\usepackage{booktabs}\n"
    return head + "\n".join(latex(sheet) for sheet in _sheets(all_results))


def one_line(words: str) -> str:
    """Text that Markdown shows as it is."""
    return " ".join(words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def _sheets(all_results: Sequence[Results]) -> list[Sheet]:
    return [sheet for results in all_results for sheet in sheets_of(results)]


def _missing(results: Results) -> list[str]:
    parts = []
    if results.failures:
        parts.append(f"**Failed cells: {len(results.failures)}**\n")
        parts.append("\n".join(f"- `{key}`: {one_line(why)}" for key, why in results.failures.items()) + "\n")
    if results.strange:
        parts.append(f"**Unreadable lines: {len(results.strange)}**\n")
        parts.append("\n".join(f"- {one_line(line)}" for line in results.strange) + "\n")
    return parts
