"""Tables as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence

from .sheet import Cell, Sheet

CSV_HEADER = (
    "table", "row", "column", "quantity", "unit", "published", "ours", "low", "high", "sd", "chips", "difference",
    "audit",
)  # fmt: skip


def markdown(sheet: Sheet) -> str:
    """The table as a page of text has it: ours with interval; below, where it was printed, published and difference."""
    head = [sheet.corner or " ", *sheet.columns, *(["audit"] if sheet.audited else [])]
    lines = [f"### {_cleaned(sheet.title)}", "", f"{_cleaned(caption(sheet))}", ""]
    lines += [_line(head), "|---" + "|---:" * len(sheet.columns) + "|---" * sheet.audited + "|"]
    for row in sheet.rows:
        cells = [sheet.cell(row, column) for column in sheet.columns]
        flags = [sheet.flags(row)] if sheet.audited else []
        lines.append(_line([row, *[ours(cell, sheet.decimals) for cell in cells], *flags]))
        if any(not math.isnan(cell.published) for cell in cells):
            empty = [""] * len(flags)
            printed = [f"*{number(cell.published, sheet.decimals)}*".replace("**", "") for cell in cells]
            apart = [signed(cell.difference, sheet.decimals) for cell in cells]
            lines += [_line(["*published*", *printed, *empty]), _line(["*difference*", *apart, *empty])]
    return "\n".join([*lines, ""])


def comma_separated(sheets: Sequence[Sheet]) -> str:
    """All cells of all tables, a line each, in full precision; what is not known stays empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for sheet in sheets:
        for row in sheet.rows:
            for column in sheet.columns:
                if (row, column) in sheet.cells:
                    cell = sheet.cell(row, column)
                    numbers = (cell.published, cell.ours, cell.low, cell.high, cell.spread)
                    written = ["" if math.isnan(value) else repr(value) for value in (*numbers, cell.difference)]
                    named = [sheet.title, row, column, sheet.quantity or column, sheet.unit]
                    writer.writerow([*named, *written[:5], cell.chips, written[5], cell.flag])
    return out.getvalue()


def latex(sheet: Sheet) -> str:
    r"""A `table` with booktabs rules; the preamble needs `\usepackage{booktabs}`."""
    columns = [tex(column) for column in sheet.columns]
    audit = ["audit"] if sheet.audited else []
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{tex(sheet.title)}. {tex(caption(sheet))}}}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}{'l' * len(audit)}}}", r"\toprule",
        " & ".join([tex(sheet.corner), *columns, *audit]) + r" \\", r"\midrule",
    ]  # fmt: skip
    for row in sheet.rows:
        cells = [sheet.cell(row, column) for column in sheet.columns]
        flags = [tex(sheet.flags(row))] if sheet.audited else []
        lines.append(" & ".join([tex(row), *[tex(ours(cell, sheet.decimals)) for cell in cells], *flags]) + r" \\")
        if any(not math.isnan(cell.published) for cell in cells):
            empty = [""] * len(flags)
            printed = [rf"\textit{{{number(cell.published, sheet.decimals)}}}" for cell in cells]
            apart = [tex(signed(cell.difference, sheet.decimals)) for cell in cells]
            lines.append(" & ".join([r"\quad\textit{published}", *printed, *empty]) + r" \\")
            lines.append(" & ".join([r"\quad difference", *apart, *empty]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def caption(sheet: Sheet) -> str:
    """What the numbers are."""
    what = f"{sheet.quantity} " if sheet.quantity else ""
    words = [f"{what}in {sheet.unit}" if sheet.unit else what.strip(), f"columns: {sheet.across}"]
    words += ["95 % intervals in brackets"] if any(not math.isnan(c.low) for c in sheet.cells.values()) else []
    words += ["± standard deviation over chips"] if any(c.chips > 1 for c in sheet.cells.values()) else []
    words += ["difference: ours less published"] if sheet.compared else []
    return "; ".join(word for word in [*words, sheet.note] if word)


def ours(cell: Cell, decimals: int) -> str:
    """Our number: 80.2 [76.5, 83.4], or with several chips 80.1 ± 0.5 (5) [76.4, 83.3]."""
    if math.isnan(cell.ours):
        return ""
    parts = [number(cell.ours, decimals)]
    if cell.chips > 1:
        parts.append(f"± {number(cell.spread, decimals)} ({cell.chips})")
    if not math.isnan(cell.low):
        parts.append(f"[{number(cell.low, decimals)}, {number(cell.high, decimals)}]")
    return " ".join(parts)


def number(value: float, decimals: int) -> str:
    """A number to so many decimals, without a sign on zero; empty for NaN."""
    return "" if math.isnan(value) else re.sub(r"^-(0\.?0*)$", r"\1", f"{value:.{decimals}f}")


def signed(value: float, decimals: int) -> str:
    """A difference: +1.3, -0.8, 0.0; empty for NaN."""
    plain = number(value, decimals)
    return f"+{plain}" if value > 0 and plain and float(plain) != 0 else plain


TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "]": "{]}", "\n": " ", '"': "''",
}  # fmt: skip


def tex(words: str) -> str:
    r"""Text for LaTeX: every sign that TeX reads as a command is written out.

    >>> print(tex("50 % of a_b"))
    50 \% of a\_b
    """
    return "".join(TEX.get(sign, sign) for sign in words)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cleaned(cell).replace("|", r"\|") for cell in cells) + " |"


def _cleaned(words: str) -> str:
    """Text that Markdown shows as it is: no tags, no line breaks."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
