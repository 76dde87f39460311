"""Reports in LaTeX: every table with booktabs rules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .default_table import tables_of
from .numbers_as_text import caption, format_number, format_ours, format_signed
from .results import Results
from .table import Table

ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "[": "{[}", "]": "{]}",
    "\n": " ", '"': "''",
}  # fmt: skip


def latex_report(all_results: Sequence[Results]) -> str:
    """Write every table, one after another, without a preamble."""
    tables = [latex_table(table) for results in all_results for table in tables_of(results)]
    return "% needs \\usepackage{booktabs}\n" + "\n".join(tables)


def latex_table(table: Table) -> str:
    r"""Write one `table`; the preamble needs `\usepackage{booktabs}`."""
    titles = table.remark_titles
    alignment = f"l{'r' * len(table.columns)}{'l' * len(titles)}"
    title = f"{escape_latex(table.title)}. {escape_latex(caption(table))}"
    head = _row(map(escape_latex, [table.corner, *table.columns, *titles]))
    begin = [r"\begin{table}", r"\centering", rf"\caption{{{title}}}"]
    lines = [*begin, rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule"]
    decimals = table.decimals
    for row in table.rows:
        entries = table.line(row)
        ours = [format_ours(entry, decimals) for entry in entries]
        lines.append(_row(map(escape_latex, [row, *ours, *table.remarks(row)])))
        if any(not math.isnan(entry.published) for entry in entries):
            empty = [""] * len(titles)
            published = [format_number(entry.published, decimals) for entry in entries]
            printed = [rf"\textit{{{number}}}" for number in published]
            apart = [escape_latex(format_signed(e.difference, decimals)) for e in entries]
            lines.append(_row([r"\quad\textit{published}", *printed, *empty]))
            lines.append(_row([r"\quad difference", *apart, *empty]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def escape_latex(text: str) -> str:
    r"""Write out every sign that TeX reads as a command.

    >>> print(escape_latex("50 % of a_b"))
    50 \% of a\_b
    """
    return "".join(ESCAPES.get(sign, sign) for sign in text)


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
