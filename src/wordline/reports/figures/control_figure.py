"""The controls of an audit as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...records import Audit
from ...records.record import Estimate
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def control_bars(audit: Audit, path: Path) -> Path:
    """Draw the AL advantage and the AA gain of each control in points, with 95 % intervals.

    Controls that were not measured are left out. Raises ValueError if there is none at all.
    Returns `path`.
    """
    controls = [control for control in audit.comparisons if control.measured]
    if not controls:
        raise ValueError(
            "`audit` has no measured controls; run it without --quick, or to its end"
        )
    figure = new_figure(9.0, 0.36 * len(controls) + 1.2)
    left, right = figure.subplots(1, 2, sharey=True)
    names = [control.name for control in controls]
    _draw(left, names, [control.advantage for control in controls])
    _draw(right, names, [control.robust for control in controls])
    left.set_xlabel("AL advantage over software, points")
    right.set_xlabel("AA gain over software, points")
    return save_figure(figure, path, audit.verdict, grid="x")


def _draw(axes: Axes, names: Sequence[str], shares: Sequence[Estimate]) -> None:
    places = list(range(len(names)))
    below = [max(0.0, 100 * (share.value - share.low)) for share in shares]
    above = [max(0.0, 100 * (share.high - share.value)) for share in shares]
    axes.barh(
        places, [100 * share.value for share in shares], xerr=(below, above), color="tab:blue",
        alpha=0.75, height=0.62, capsize=2,
    )  # fmt: skip
    axes.set_yticks(places, names, fontsize=8)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first control on top
