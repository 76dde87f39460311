"""One self-contained HTML page; a policy in its head forbids it the network."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from ...values import encode
from ..results import Results
from .page_data import study_data
from .reproduce import NO_NAMES, CommandNames

SCRIPTS = (
    "elements.js", "records.js", "filters.js", "sortable_table.js", "record_table.js",
    "paper_table.js", "curve_panel.js", "curve_section.js", "advantages.js", "bar_chart.js",
    "audits.js", "heat_map.js", "chips.js", "main.js",
)  # fmt: skip


def html_report(
    all_results: Sequence[Results], names: CommandNames = NO_NAMES, *, title: str = ""
) -> str:
    """Write the page of these results.

    `names`: the words by which the command line knows crossbars, networks and attacks, for the
    commands that compute a record again. Text in the results is shown as text and never run.
    """
    name = title or ", ".join(dict.fromkeys(results.title for results in all_results))
    studies = [study_data(results, names) for results in all_results]
    parts = {
        "TITLE": html.escape(name),
        "STYLE": _file("page.css"),
        "SCRIPT": page_scripts(),
        "DATA": inline_json({"title": name, "studies": studies}),
    }
    pieces = _file("page.html").split("@@")  # text, name, text, name, ..., text
    return "".join(parts[p] if index % 2 else p for index, p in enumerate(pieces))


def inline_json(data: Any) -> str:
    """Write JSON that can stand in a script element: no sign in it can end it or begin a comment.

    >>> print(inline_json("</script>"))
    "\\u003c/script\\u003e"
    """
    plain = json.dumps(
        encode(data), allow_nan=False, ensure_ascii=True, separators=(",", ":")
    )
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page_scripts() -> str:
    """Read the scripts of the page, each of which needs only those before it."""
    return "\n".join(map(_file, SCRIPTS))


def _file(name: str) -> str:
    folder = resources.files("wordline.reports.page") / "files"
    return (folder / name).read_text(encoding="utf-8")
