"""The trial of a claim in one picture: AL advantage over software against clean accuracy lost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...records import PooledEstimate, PooledGain, pooled_gain
from ...values import Value
from ..fields import format_field
from ..pools import Pool, pools_of
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008): told apart with every kind of colour vision; black is software's
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
Look = tuple[str, str]  # colour and marker


def trial_figure(results: Iterable[Value], path: Path, *, title: str = "") -> Path:
    """Draw a point a chip: AL advantage over software against the clean accuracy that it lost.

        x = CA(software) - CA(chip),    y = AL(software) - AL(chip) = x + AA(chip) - AA(software)

    On the line y = x nothing is gained but lost accuracy; what stands above it is robustness, as
    many points as it stands above. Panels are white-box and transferred images, radius by radius;
    bars are 95 % intervals over images. The attenuated twin of a chip is a hollow sign of its
    colour, joined to it by a line; software with all weights times one factor is the black curve.
    `path` is a .png, .pdf or .svg. Raises ValueError where no chip stands beside its software.
    Returns `path`.
    """
    pools = pools_of(results)
    if not any(pool.chip for pool in pools):
        raise ValueError("`results` holds no chip beside its software; evaluate both (SW, SH, HH)")
    panels = panels_of(pools)
    designs = list(dict.fromkeys(pool.design for pool in pools if pool.chip))
    looks = {
        design: (COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)])
        for n, design in enumerate(designs)
    }
    rows = math.ceil(len(panels) / 2)
    figure = new_figure(9.0, 4.2 * rows + 0.25 * math.ceil(len(designs) / 2) + 0.6)
    grid = figure.subplots(rows, min(2, len(panels)), squeeze=False)
    for axes in grid.flat[len(panels):]:  # fmt: skip
        axes.set_visible(False)
    for axes, (name, inside) in zip(grid.flat, panels.items(), strict=False):
        _draw(axes, inside, looks)
        axes.set_title(name, fontsize=9, loc="left")
    _legend(figure, looks, pools)
    return save_figure(figure, path, title)


def panels_of(pools: Sequence[Pool]) -> dict[str, list[Pool]]:
    """Sort pools into panels: white-box and transferred images of each network and attack.

    White-box comes before transferred. Scaled weights stand in the panel of their own setting.
    """
    panels: dict[str, list[Pool]] = {}
    for pool in sorted(pools, key=lambda pool: pool.transferred):
        fields = (format_field(pool.first, name) for name in ("model", "attack", "eps"))
        panels.setdefault(f"{pool.images}: {' '.join(fields)}", []).append(pool)
    return {name: inside for name, inside in panels.items() if any(pool.chip for pool in inside)}


def _draw(axes: Axes, pools: Sequence[Pool], looks: dict[str, Look]) -> None:
    for pool in pools:
        if pool.chip:
            for alone in pool.each():
                _point(axes, alone, looks[pool.design])
    _curve(axes, [pool for pool in pools if not pool.chip])
    low = min(0.0, axes.get_xlim()[0], axes.get_ylim()[0])
    high = max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.plot([low, high], [low, high], color="#444444", linewidth=1.0, zorder=1)
    axes.annotate(
        "on the line: accuracy lost", (0.97, 0.03), xycoords="axes fraction", ha="right", fontsize=7
    )
    axes.annotate("above it: robustness", (0.03, 0.94), xycoords="axes fraction", fontsize=7)
    axes.set_xlabel("clean accuracy lost, points")
    axes.set_ylabel("AL advantage over software, points")


def _point(axes: Axes, pool: Pool, look: Look) -> None:
    """Draw one chip with its bars, and its twin joined to it."""
    colour, marker = look
    pooled = pool.pooled()
    x, y = _percent(pooled.clean_loss)[0], _percent(pooled.advantage)[0]
    axes.errorbar(
        x, y, xerr=_bar(pooled.clean_loss), yerr=_bar(pooled.advantage), color=colour,
        marker=marker, markersize=5, elinewidth=0.6, alpha=0.85, zorder=3,
    )  # fmt: skip
    if pool.twins:
        twin: PooledGain = pooled_gain(pool.twins, pool.software)
        tx, ty = _percent(twin.clean_loss)[0], _percent(twin.advantage)[0]
        axes.plot([x, tx], [y, ty], color=colour, linewidth=0.6, alpha=0.5, zorder=2)
        axes.plot(
            tx, ty, marker=marker, markersize=5, markerfacecolor="white", color=colour,
            linestyle="", zorder=3,
        )  # fmt: skip


def _curve(axes: Axes, scaled: Sequence[Pool]) -> None:
    """Draw software by the factor of its weights, from itself at the origin."""
    pooled = {pool.factor: pool.pooled() for pool in scaled}
    if not pooled:
        return
    places = {
        factor: (_percent(found.clean_loss)[0], _percent(found.advantage)[0])
        for factor, found in pooled.items()
    } | {1.0: (0.0, 0.0)}
    order = sorted(places)
    axes.plot(*zip(*(places[f] for f in order), strict=True), color="black", linewidth=1.2,
              marker=".", zorder=2)  # fmt: skip
    for factor in order:
        axes.annotate(f"{factor:g}", places[factor], fontsize=6, xytext=(3, -7),
                      textcoords="offset points")  # fmt: skip


def _legend(figure: Figure, looks: dict[str, Look], pools: Sequence[Pool]) -> None:
    from matplotlib.lines import Line2D

    signs = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=design)
        for design, (colour, marker) in looks.items()
    ]
    if any(pool.twins for pool in pools):
        signs.append(
            Line2D([], [], color="#444444", marker="o", markerfacecolor="white", linewidth=0.6,
                   label="attenuated twin, joined to its chip")
        )  # fmt: skip
    if not all(pool.chip for pool in pools):
        signs.append(
            Line2D([], [], color="black", marker=".", linewidth=1.2,
                   label="software, all weights times a factor")
        )  # fmt: skip
    figure.legend(handles=signs, loc="outside lower center", ncols=2, fontsize=7)


def _percent(estimate: PooledEstimate) -> tuple[float, float, float]:
    return 100 * estimate.value, 100 * estimate.low, 100 * estimate.high


def _bar(estimate: PooledEstimate) -> tuple[tuple[float], tuple[float]]:
    value, low, high = _percent(estimate)
    return (max(0.0, value - low),), (max(0.0, high - value),)
