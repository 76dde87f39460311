"""The picture of gains: AL advantage over software against the clean accuracy that it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...records import Record
from ..advantages import TRANSFERRED, WHITE_BOX, AdvantagePoint, advantage_points, factor_curves
from ..fields import MISSING, format_field
from ..robust_gains import Network, key_of
from .design_colours import Design, design_of, name_designs
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MARKERS: Final = "os^DvP<X>p*h"
LINES: Final = ("-", "--", ":", "-.")
ON_THE_LINE: Final = "on the line: lost accuracy"
ABOVE: Final = "above the line: robustness"


def trial_figure(records: Iterable[Record], path: Path, *, title: str = "") -> Path:
    """Draw a point a chip and attack: x = CA(software) - CA(chip), y = AL(software) - AL(chip).

        y = x + gain,  gain = AA(chip) - AA(software)

    On the identity line all of an advantage is lost accuracy; the height above it is the gain in
    robustness, and its 95 % interval is the bar. Full marks are chips, hollow ones their attenuated
    twins, joined to them by thin lines; colours are tiles and parasitics, shapes attacks and radii,
    and a dark rim marks chips with another gain than the unit gain. Black curves are software whose
    weights are multiplied by one factor, from 1 at the origin. White-box to the left, images of
    another network to the right; every software network has panels of its own. `path` is a .png,
    .pdf or .svg. Returns `path`.

    Raises ValueError where no record can be paired with software's.
    """
    points = advantage_points(records)
    if not points:
        raise ValueError(
            "`records` holds no chip that can be paired with software under the same attack; "
            "evaluate software (SW) on the same images too"
        )
    looks = Looks.of(points)
    networks = list(dict.fromkeys(map(_network, points)))
    figure = new_figure(9.0, 0.8 + 4.6 * len(networks))
    rows = figure.subplots(len(networks), 2, sharex="row", sharey="row", squeeze=False)
    for network, panels in zip(networks, rows, strict=True):
        own = [point for point in points if _network(point) == network]
        for axes, panel in zip(panels, (WHITE_BOX, TRANSFERRED), strict=True):
            inside = [point for point in own if point.panel == panel]
            _draw_points(axes, inside, points, looks)
            _draw_curves(axes, inside, looks)
            name = f"{panel}: {network.name}" if len(networks) > 1 else panel
            axes.set_title(name, fontsize=10)
            axes.set_xlabel("clean accuracy lost: CA(software) - CA, points")
        panels[0].set_ylabel("AL advantage: AL(software) - AL, points")
        for axes in panels:
            _draw_identity(axes)
    figure.legend(handles=_keys(points, looks), loc="outside lower center", ncols=3, fontsize=8)
    return save_figure(figure, path, title)


class Looks(NamedTuple):
    """Shapes of attacks and radii, names and colours of designs."""

    marks: dict[str, str]
    designs: dict[Design, tuple[str, str]]

    @classmethod
    def of(cls, points: Sequence[AdvantagePoint]) -> Looks:
        """Give everything that occurs its look."""
        attacks = dict.fromkeys(point.attack for point in points)
        marks = {attack: MARKERS[n % len(MARKERS)] for n, attack in enumerate(attacks)}
        return cls(marks, name_designs(p.record for p in points if p.kind != "scaled"))

    def design(self, point: AdvantagePoint) -> tuple[str, str]:
        """Return name and colour of a point's design."""
        return self.designs[design_of(point.record)]

    def line(self, attack: str) -> str:
        """Return the style of the lines of an attack."""
        return LINES[list(self.marks).index(attack) % len(LINES)]


class _Network(NamedTuple):
    """A software network and the data it is judged on."""

    key: Network
    name: str


def _network(point: AdvantagePoint) -> _Network:
    software = point.software
    return _Network(key_of(software.victim), f"{software.victim.network}, {software.data}")


def _draw_points(
    axes: Axes, inside: Sequence[AdvantagePoint], points: Sequence[AdvantagePoint], looks: Looks
) -> None:
    """Draw chips and twins `inside` a panel; twins are joined to chips by number among `points`."""
    for point in inside:
        if point.kind == "scaled":
            continue
        x, y = _place(point)
        (_, colour), hollow = looks.design(point), point.kind == "twin"
        if point.twin_of >= 0:
            axes.plot(*zip((x, y), _place(points[point.twin_of]), strict=True), color=colour,
                      linewidth=0.6, alpha=0.6, zorder=1)  # fmt: skip
        gain = point.gain.gain
        axes.errorbar(
            x, y, yerr=[[100 * (gain.value - gain.low)], [100 * (gain.high - gain.value)]],
            marker=looks.marks[point.attack], markersize=5.5, color=colour, ecolor=colour,
            linestyle="", markerfacecolor="white" if hollow else colour, elinewidth=0.5,
            markeredgecolor=_rim(point, colour), markeredgewidth=1.1, zorder=2 if hollow else 3,
        )  # fmt: skip


def _draw_curves(axes: Axes, points: Sequence[AdvantagePoint], looks: Looks) -> None:
    """Draw software x factor, through the factor 1 at the origin."""
    for curve in factor_curves(points):
        places = [(point.factor, *_place(point)) for point in curve]
        path = sorted([*places, (1.0, 0.0, 0.0)])
        style = looks.line(curve[0].attack)
        axes.plot(
            [x for _, x, _ in path], [y for _, _, y in path], style, color="black",
            marker=looks.marks[curve[0].attack], markersize=2.5, linewidth=1.1, zorder=4,
        )  # fmt: skip
        factor, x, y = places[0]
        axes.annotate(f"x {factor:g}", (x, y), xytext=(3, 3), textcoords="offset points",
                      fontsize=7, zorder=5)  # fmt: skip


def _draw_identity(axes: Axes) -> None:
    """Draw y = x and say what lies on it, along its visible part, and above it."""
    axes.axline((0, 0), slope=1, color="0.35", linewidth=1.2, zorder=0)
    ends = axes.get_xlim(), axes.get_ylim()
    low, high = max(end[0] for end in ends), min(end[1] for end in ends)
    place = low + 0.62 * (high - low)
    axes.text(
        place, place, ON_THE_LINE, rotation=45, rotation_mode="anchor", clip_on=True,
        transform_rotates_text=True, ha="center", va="bottom", fontsize=8, color="0.25",
    ).set_in_layout(False)  # fmt: skip
    axes.text(0.03, 0.97, ABOVE, transform=axes.transAxes, va="top", fontsize=8, color="0.25")


def _place(point: AdvantagePoint) -> tuple[float, float]:
    """Return (clean accuracy lost, AL advantage) in points of a percent."""
    return 100 * point.gain.clean_loss.value, 100 * point.gain.advantage.value


def _rim(point: AdvantagePoint, colour: str) -> str:
    return colour if format_field(point.record, "gain") in ("UnitGain", MISSING) else "black"


def _keys(points: Sequence[AdvantagePoint], looks: Looks) -> list[Line2D]:
    """List what colours, shapes, fills, rims and curves stand for, where they occur."""
    from matplotlib.lines import Line2D

    def key(label: str, **style: Any) -> Line2D:
        return Line2D([], [], label=label, **{"linestyle": "", "color": "0.4", **style})

    kinds = {point.kind for point in points}
    placed = [point for point in points if point.kind != "scaled"]
    rims = sorted({format_field(p.record, "gain") for p in placed if _rim(p, "") == "black"})
    designs = dict.fromkeys(looks.designs.values())
    found = [key(name, marker="o", color=colour) for name, colour in designs]
    found += [key(attack, marker=mark) for attack, mark in looks.marks.items()]
    found += [key("chip; bar: 95 % interval of its gain", marker="o")] if "chip" in kinds else []
    if "twin" in kinds:
        found.append(key("its attenuated twin", marker="o", markerfacecolor="white", linestyle="-"))
    if rims:
        found.append(key(", ".join(rims), marker="o", markeredgecolor="black"))
    for curve in factor_curves(points):
        attack = curve[0].attack
        label = f"software x factor, {attack}"
        if label not in [line.get_label() for line in found]:
            style = looks.line(attack)
            found.append(key(label, linestyle=style, marker=looks.marks[attack], color="black"))
    return found
