"""One self-contained HTML page: everything it needs stands in it, and a policy in its head forbids it the network."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from ..values import encode
from .page_data import results_data
from .rerun import Names
from .results import Results

SCRIPTS = ("dom.js", "state.js", "tables.js", "curves.js", "bars.js", "audits.js", "chips.js", "main.js")


def page(all_results: Sequence[Results], names: Names | None = None, *, title: str = "") -> str:
    """The page of these results as HTML.

    `names`: what crossbars, networks and attacks are called on the command line, for the commands that compute a
    record again. Whatever stands in the results is shown as text and never run.
    """
    studies = [results_data(results, names or Names()) for results in all_results]
    name = title or ", ".join(dict.fromkeys(results.title for results in all_results))
    filled = {
        "TITLE": html.escape(name),
        "STYLE": _file("page.css"),
        "SCRIPT": "\n".join(_file(script) for script in SCRIPTS),
        "DATA": inline_json({"title": name, "studies": studies}),
    }
    parts = _file("page.html").split("@@")  # text, name, text, name, ..., text
    return "".join(filled[part] if index % 2 else part for index, part in enumerate(parts))


def inline_json(data: Any) -> str:
    """JSON that can stand in a script element: no sign in it can end the element or begin a comment.

    >>> print(inline_json("</script>"))
    "\\u003c/script\\u003e"
    """
    plain = json.dumps(encode(data), allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _file(name: str) -> str:
    return (resources.files("wordline.reports") / "page_files" / name).read_text(encoding="utf-8")
