"""A figure on disk, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..files import write_atomically


def write_figure(figure: Any, path: Path) -> Path:
    """Write a figure of matplotlib into the file whose suffix says the format; returns the file."""
    suffix = path.suffix.removeprefix(".") or None  # the temporary file has another
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150, format=suffix))
    return path
