"""`report`: tables, figures and a page from results that are there already."""

from __future__ import annotations

import json as json_text
from pathlib import Path

import tyro

from ..files import write_atomically
from ..reports import Results, csv_report, latex_report, markdown_report, page, read_results, sheets_of
from ..reports.sheet import plain_cells
from .names import names_of


def report(
    paths: tyro.conf.Positional[tuple[Path, ...]],
    out: str = "",
    csv: str = "",
    latex: str = "",
    html: str = "",
    title: str = "",
    json: bool = False,
) -> None:
    """Tables of finished results, in the paper's layout where a study says it; runs nothing.

    Args:
        paths: folders of results (records *.jsonl, study.json, audit*.json, chip*.json), or files of records.
        out: write the tables as Markdown to this file; without any file they are printed.
        csv: write every cell to this file, a line each, in full precision.
        latex: write the tables to this file, for booktabs.
        html: write one self-contained page: tables, interactive curves, audits, chips, conditions and commands.
        title: of that page.
        json: print every cell as JSON, a line each.
    """
    if not paths:
        raise ValueError("`paths` is empty; name a folder of results, such as runs/quickstart")
    results = [read_results(path) for path in paths]
    for file, write in ((out, markdown_report), (csv, csv_report), (latex, latex_report)):
        if file:
            _write(file, write(results))
    if html:
        write_page(Path(html), results, title)
        print(html)
    if json:
        for sheet in (sheet for found in results for sheet in sheets_of(found)):
            print("\n".join(json_text.dumps(cell) for cell in plain_cells(sheet)))
    elif not (out or csv or latex or html):
        print(markdown_report(results))


def write_page(file: Path, results: list[Results], title: str = "") -> None:
    """The page of these results, with the commands that compute their records again."""
    names = names_of(record for found in results for record in found.decoded())
    write_atomically(file, lambda path: path.write_text(page(results, names, title=title), encoding="utf-8"))


def _write(file: str, content: str) -> None:
    write_atomically(Path(file), lambda path: path.write_text(content, encoding="utf-8"))
    print(file)
