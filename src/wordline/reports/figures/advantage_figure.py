"""The picture of gains: AL advantage over software against the clean accuracy that it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...records import Record
from ..advantages import TRANSFERRED, WHITE_BOX, AdvantagePoint, advantage_points, factor_curves
from ..fields import MISSING, format_field
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Okabe and Ito 2008, the colours that all kinds of colour vision tell apart
COLOURS: Final = {"16": "#0072B2", "32": "#D55E00", "64": "#009E73", "128": "#CC79A7"}
OTHER_COLOUR: Final = "#8A7500"
MARKERS: Final = "os^DvP<X>p*h"
LINES: Final = ("-", "--", ":", "-.")
ON_THE_LINE: Final = "on the line: lost accuracy"
ABOVE: Final = "above the line: robustness"


def advantage_figure(records: Iterable[Record], path: Path, *, title: str = "") -> Path:
    """Draw a point a chip and attack: x = CA(software) - CA(chip), y = AL(software) - AL(chip).

        y = x + gain,  gain = AA(chip) - AA(software)

    On the identity line all of an advantage is lost accuracy; the height above it is the gain in
    robustness, and its 95 % interval is the bar. Full marks are chips, hollow ones their attenuated
    twins, joined to them by thin lines; colours are tiles, shapes attacks and radii, and a dark
    rim marks chips with another gain than the unit gain. Black curves are software whose weights
    are multiplied by one factor, from 1 at the origin. White-box to the left, images of another
    network to the right. `path` is a .png, .pdf or .svg. Returns `path`.

    Raises ValueError where no record can be paired with software's.
    """
    points = advantage_points(records)
    if not points:
        raise ValueError(
            "`records` holds no chip that can be paired with software under the same attack; "
            "evaluate software (SW) on the same images too"
        )
    figure = new_figure(9.0, 5.4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    marks = _marks(points)
    for axes, name in zip(panels, (WHITE_BOX, TRANSFERRED), strict=True):
        _draw_points(axes, points, name, marks)
        _draw_curves(axes, [p for p in points if p.panel == name], marks)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("clean accuracy lost: CA(software) - CA, points")
    panels[0].set_ylabel("AL advantage: AL(software) - AL, points")
    for axes in panels:
        _draw_identity(axes, points)
    figure.legend(handles=_keys(points, marks), loc="outside lower center", ncols=4, fontsize=8)
    return save_figure(figure, path, title)


def _draw_points(
    axes: Axes, points: Sequence[AdvantagePoint], panel: str, marks: dict[str, str]
) -> None:
    for point in points:
        if point.panel != panel or point.kind == "scaled":
            continue
        x, y = _place(point)
        colour, hollow = _colour(point), point.kind == "twin"
        if point.twin_of >= 0:
            axes.plot(*zip((x, y), _place(points[point.twin_of]), strict=True), color=colour,
                      linewidth=0.6, alpha=0.6, zorder=1)  # fmt: skip
        gain = point.gain.gain
        axes.errorbar(
            x, y, yerr=[[100 * (gain.value - gain.low)], [100 * (gain.high - gain.value)]],
            marker=marks[point.attack], markersize=5.5, color=colour, ecolor=colour, linestyle="",
            markerfacecolor="white" if hollow else colour, elinewidth=0.5,
            markeredgecolor=_rim(point, colour), markeredgewidth=1.1, zorder=2 if hollow else 3,
        )  # fmt: skip


def _draw_curves(
    axes: Axes, points: Sequence[AdvantagePoint], marks: dict[str, str]
) -> None:
    """Draw software x factor, through the factor 1 at the origin."""
    order = list(marks)
    for curve in factor_curves(points):
        places = [(point.factor, *_place(point)) for point in curve]
        path = sorted([*places, (1.0, 0.0, 0.0)])
        style = LINES[order.index(curve[0].attack) % len(LINES)]
        axes.plot(
            [x for _, x, _ in path], [y for _, _, y in path], style, color="black",
            marker=marks[curve[0].attack], markersize=2.5, linewidth=1.1, zorder=4,
        )  # fmt: skip
        factor, x, y = places[0]
        axes.annotate(f"x {factor:g}", (x, y), xytext=(3, 3), textcoords="offset points",
                      fontsize=7, zorder=5)  # fmt: skip


def _draw_identity(axes: Axes, points: Sequence[AdvantagePoint]) -> None:
    """Draw y = x and say what lies on it and above it."""
    axes.axline((0, 0), slope=1, color="0.35", linewidth=1.2, zorder=0)
    largest = max(1.0, *(min(_place(point)) for point in points))
    axes.text(
        0.97 * largest, 0.99 * largest, ON_THE_LINE, rotation=45, rotation_mode="anchor",
        transform_rotates_text=True, ha="right", va="bottom", fontsize=8, color="0.25",
    )  # fmt: skip
    axes.text(0.03, 0.97, ABOVE, transform=axes.transAxes, va="top", fontsize=8, color="0.25")


def _place(point: AdvantagePoint) -> tuple[float, float]:
    """Return (clean accuracy lost, AL advantage) in points of a percent."""
    return 100 * point.gain.clean_loss.value, 100 * point.gain.advantage.value


def _tile(point: AdvantagePoint) -> str:
    rows, cols = point.record.victim.chip.tile
    return f"{rows}x{cols}"


def _colour(point: AdvantagePoint) -> str:
    return COLOURS.get(_tile(point).split("x", maxsplit=1)[0], OTHER_COLOUR)


def _rim(point: AdvantagePoint, colour: str) -> str:
    return colour if format_field(point.record, "gain") in ("UnitGain", MISSING) else "black"


def _marks(points: Sequence[AdvantagePoint]) -> dict[str, str]:
    """Give every attack and radius its shape."""
    attacks = dict.fromkeys(point.attack for point in points)
    return {attack: MARKERS[n % len(MARKERS)] for n, attack in enumerate(attacks)}


def _keys(points: Sequence[AdvantagePoint], marks: dict[str, str]) -> list[Line2D]:
    """List what colours, shapes, fills, rims and curves stand for, where they occur."""
    from matplotlib.lines import Line2D

    def key(label: str, **style: Any) -> Line2D:
        return Line2D([], [], label=label, **{"linestyle": "", "color": "0.4", **style})

    kinds = {point.kind for point in points}
    placed = [point for point in points if point.kind != "scaled"]
    tiles = {_tile(point): _colour(point) for point in placed}
    order = sorted(tiles, key=lambda tile: int(tile.split("x", maxsplit=1)[0]))
    rims = sorted({format_field(p.record, "gain") for p in placed if _rim(p, "") == "black"})
    found = [key(tile, marker="o", color=tiles[tile]) for tile in order]
    found += [key(attack, marker=mark) for attack, mark in marks.items()]
    found += [key("chip; bar: 95 % interval of its gain", marker="o")] if "chip" in kinds else []
    if "twin" in kinds:
        found.append(key("its attenuated twin", marker="o", markerfacecolor="white", linestyle="-"))
    if rims:
        found.append(key(", ".join(rims), marker="o", markeredgecolor="black"))
    for curve in factor_curves(points):
        attack = curve[0].attack
        style = LINES[list(marks).index(attack) % len(LINES)]
        label = f"software x factor, {attack}"
        if label not in [line.get_label() for line in found]:
            found.append(key(label, linestyle=style, marker=marks[attack], color="black"))
    return found
