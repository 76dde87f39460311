"""Run a tutorial: a Python file in cells, the `py:percent` format of Jupytext and of most editors.

    python docs/site/percent.py docs/tutorials/five_minutes.py OUT [LIMIT=40 ...]

`# %% [markdown]` opens a cell of text, `# %%` one of code, and `# %% tags=["parameters"]` the one
whose names may be overridden. Running it writes OUT/NAME.md, with what every cell printed, the
value of a last line that is a name, and a picture for each figure. It is plain Python too.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = re.compile(r"^# %%(.*)$", re.M)


@dataclass(frozen=True)
class Cell:
    """A cell: its kind (`markdown`, `code` or `parameters`) and its text."""

    kind: str
    text: str


def cells(source: str) -> Iterator[Cell]:
    """Cut a file into its cells; text before the first mark is no cell."""
    _, *parts = MARK.split(source)
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        text = body.strip("\n")
        if "[markdown]" in head:
            yield Cell("markdown", re.sub(r"^# ?", "", text, flags=re.M))
        else:
            yield Cell("parameters" if "parameters" in head else "code", text)


def title(path: Path) -> str:
    """Read the heading of a tutorial."""
    return next(cells(path.read_text())).text.splitlines()[0].removeprefix("# ")


def run(path: Path, out: Path, **overrides: Any) -> dict[str, Any]:
    """Run the cells of `path` in one namespace, write the page, return the namespace.

    The working directory is a temporary folder, so that a tutorial may write files. Raises
    `ValueError` for an override that the tutorial does not have.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    out.mkdir(parents=True, exist_ok=True)
    names: dict[str, Any] = {"__name__": path.stem}
    page: list[str] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for cell in cells(path.read_text()):
            if cell.kind == "markdown":
                page.append(cell.text)
                continue
            said = _run_code(cell.text, path, names)
            if cell.kind == "parameters":
                if unknown := overrides.keys() - names.keys():
                    raise ValueError(f"{path.name} has no parameter {sorted(unknown)}")
                names |= overrides
            page.append(f"```python\n{cell.text}\n```")
            if said:
                page.append(f'```{{.text .output title="Output"}}\n{said}\n```')
            page += _save_figures(out, path.stem, len(page))
    (out / f"{path.stem}.md").write_text("\n\n".join(page) + "\n")
    return names


def _run_code(code: str, path: Path, names: dict[str, Any]) -> str:
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, str(path), "exec"), names)
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Name):
            print(names[last.value.id])
    return printed.getvalue().rstrip()


def _save_figures(out: Path, stem: str, count: int) -> list[str]:
    from matplotlib import pyplot

    lines = []
    for number in pyplot.get_fignums():
        name = f"{stem}-{count}-{number}.png"
        figure = pyplot.figure(number)
        figure.savefig(out / name, dpi=150, bbox_inches="tight")
        alt = figure.get_label() or f"Figure of {stem.replace('_', ' ')}"
        lines.append(f"![{alt}]({name})")
    pyplot.close("all")
    return lines


if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[3:])
    run(
        Path(sys.argv[1]).resolve(),
        Path(sys.argv[2]).resolve(),
        **{k: ast.literal_eval(v) for k, v in given.items()},
    )
