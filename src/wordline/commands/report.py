"""The command `report`: tables, figures and a page from finished results."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ..files import require_writable, write_atomically
from .options import require_files

if TYPE_CHECKING:
    from ..reports import Results


def report(
    paths: tyro.conf.Positional[tuple[Path, ...]],
    out: str = "",
    csv: str = "",
    latex: str = "",
    html: str = "",
    figures: str = "",
    title: str = "",
    *,
    json: bool = False,
) -> None:
    """Write tables and figures of finished results.

    A study's tables have the layout of its paper. Nothing is run.

    Args:
        paths: folders of results (records *.jsonl, study.json, audit*.json, chip*.json,
            stability*.json), or files of records.
        out: write the tables as Markdown to this file; without any file they are printed.
        csv: write every cell to this file, a line each, in full precision.
        latex: write the tables to this file, for booktabs.
        html: write one self-contained page: tables, interactive curves, audits, chips, conditions
            and commands.
        figures: draw figures for print into this folder: AL advantage over software against clean
            accuracy lost, curves, an audit's controls, noise stability.
        title: of that page.
        json: print every cell as JSON, a line each.
    """
    if not paths:
        raise ValueError("`paths` is empty; name a folder of results, such as runs/quickstart")
    require_files(("out", out), ("csv", csv), ("latex", latex), ("html", html))
    if figures:
        require_writable("figures", Path(figures))
    from ..reports import csv_report, latex_report, markdown_report, read_results, tables_of
    from ..reports.table import json_entries

    results = [read_results(path) for path in paths]
    for file, write in ((out, markdown_report), (csv, csv_report), (latex, latex_report)):
        if file:
            _write(file, write(results))
    if html:
        write_page(Path(html), results, title)
        print(html)
    if figures:
        for drawn in draw(results, Path(figures)):
            print(drawn)
    if json:
        for table in (table for found in results for table in tables_of(found)):
            print("\n".join(json_text.dumps(entry) for entry in json_entries(table)))
    elif not (out or csv or latex or html or figures):
        print(markdown_report(results))


def draw(all_results: list[Results], folder: Path) -> Iterator[Path]:
    """Draw every figure for which there are results."""
    from ..reports import control_bars, pools_of, stability_figure, tile_curves, trial_figure

    for results in all_results:
        if pools_of(results.evaluations):
            for kind in ("svg", "png"):
                file = folder / f"{results.name}-gains.{kind}"
                yield trial_figure(results.evaluations, file, title=results.title)
        swept = [record for record in results.evaluations if hasattr(record.attack, "eps")]
        if swept:
            yield tile_curves(swept, folder / f"{results.name}-curves.pdf", title=results.title)
        for number, (_, audit) in enumerate(results.audits):
            if any(control.measured for control in audit.comparisons):
                yield control_bars(audit, folder / f"{results.name}-audit-{number}.pdf")
        for number, stability in enumerate(results.stabilities):
            file = folder / f"{results.name}-stability-{number}.pdf"
            yield stability_figure((stability,), file)


def write_page(file: Path, results: list[Results], title: str = "") -> None:
    """Write the page of these results, with the commands that reproduce their records."""
    from ..reports import html_report
    from .names import names_of

    names = names_of(record for found in results for record in found.evaluations)
    _write_text(file, html_report(results, names, title=title))


def _write(file: str, content: str) -> None:
    _write_text(Path(file), content)
    print(file)


def _write_text(file: Path, content: str) -> None:
    write_atomically(file, lambda path: path.write_text(content, encoding="utf-8"))
