"""Show the examples of docstrings as code: Griffe would read `>>>` as quotes within quotes."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!\s*$).*\n?)*)+", re.M)


class FencedExamples(griffe.Extension):
    """Fences around each block of examples of each docstring."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(fenced, obj.docstring.value)


def fenced(block: re.Match[str]) -> str:
    """Return a block of examples between fences."""
    return f"```pycon\n{block[0].rstrip()}\n```\n"
