"""The frame of every figure: made without a screen, and written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...files import write_atomically

if TYPE_CHECKING:  # matplotlib takes half a second to import, which commands without figures save
    from matplotlib.figure import Figure

GRID_ALPHA = 0.3


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of that many inches.

    It does not come from pyplot, so that the caller's backend and open figures stay as they are.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(
    figure: Figure, path: Path, title: str = "", grid: Literal["both", "x", "y"] = "both"
) -> Path:
    """Give all axes a grid and the figure its title, and write it to `path`; returns `path`.

    The suffix, .png, .pdf or .svg, says the format.
    """
    for axes in figure.axes:
        axes.grid(alpha=GRID_ALPHA, axis=grid)
    if title:
        figure.suptitle(title, fontsize=10)
    content = io.BytesIO()
    figure.savefig(content, dpi=150, format=path.suffix.removeprefix(".") or None)
    write_atomically(path, lambda temporary: temporary.write_bytes(content.getbuffer()))
    return path
