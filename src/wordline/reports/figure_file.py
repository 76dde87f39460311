"""A figure on disk, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ..files import write_atomically


def write_figure(figure: Any, path: Path) -> Path:
    """Write a figure of matplotlib into the file whose suffix says the format; returns the file."""
    content = io.BytesIO()
    figure.savefig(content, dpi=150, format=path.suffix.removeprefix(".") or None)
    write_atomically(path, lambda temporary: temporary.write_bytes(content.getbuffer()))
    return path
