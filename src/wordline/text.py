"""Tables as text, for printing and for logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def render_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    left: Sequence[int] = (0,),
) -> str:
    """Render a table as plain text; columns `left` are aligned to the left, others to the right.

    >>> print(render_table(("eps", "AA"), [("8/255", "0.0 %")]))
     eps        AA
    ───────────────
     8/255   0.0 %
    """
    from rich import box  # only needed once something is printed
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", show_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(width=240, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").splitlines())


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table in Markdown.

    >>> markdown_table(("eps", "AA"), [("8/255", 0.5)])
    ['| eps | AA |', '|---|---|', '| 8/255 | 0.5 |']
    """
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return lines + [f"| {' | '.join(map(str, row))} |" for row in rows]
