"""A study: a typed Python file with the cells of one table or figure."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..values import Value, require_choice
from .cell import AbstractCell

SCALES = ("quick", "paper")


@dataclass(frozen=True)
class Study:
    """One table or figure: its source, its cells at each scale, and its layout.

    A study is the value `STUDY` of a Python file; `cells` takes "quick" or "paper". `layout`: the
    layout of its report, a value of `wordline.reports.layout` or several; `expected`: the expected
    result, in words.
    """

    title: str
    reproduces: str
    cells: Callable[[str], tuple[AbstractCell, ...]]
    layout: Value | tuple[Value, ...] = ()
    expected: str = ""

    def at(self, scale: str) -> tuple[AbstractCell, ...]:
        """Return the cells of a scale; refuse none at all, and anything that is no cell."""
        require_choice("scale", scale, SCALES)
        cells = tuple(self.cells(scale))
        for cell in cells:
            if not isinstance(cell, AbstractCell):
                kind = type(cell).__name__
                raise TypeError(
                    f"`cells` of {self.title!r} must hold cells, got a {kind}: {cell!r}"
                )
        if not cells:
            raise ValueError(
                f"`cells` of {self.title!r} is empty at scale {scale!r}; a study has at least one "
                "cell"
            )
        return cells


def load_study(path: Path) -> Study:
    """Return the `STUDY` of a Python file. This runs the file: name only what you trust.

    Nothing else changes: not the module path, and the file's own `if __name__ == "__main__"` does
    not run. Raises ValueError for a file that is not there, fails or has no STUDY, TypeError for a
    STUDY that is none.
    """
    named = f"`study` file {str(path)!r}"
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"`study` must be an existing Python file, got {str(path)!r}")
    name = f"wordline_study_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{named} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is the reason to report
        del sys.modules[name]
        raise ValueError(f"{named} fails when imported ({error!r})") from error
    if not hasattr(module, "STUDY"):
        raise ValueError(f"{named} has no STUDY; give it one: STUDY = Study(title=..., cells=...)")
    study = module.STUDY
    if not isinstance(study, Study):
        raise TypeError(f"{named} has a STUDY that is a {type(study).__name__}, no wordline Study")
    return study
