"""Layouts of arXiv 2008.11298: a row a tile, setting and gain, a column an epsilon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..records.record import fraction
from ..reports.layout import Axis, Layout, Published

SOURCE = "arXiv 2008.11298"
FIGURE = "A figure in the paper, of which no numbers are at hand."
SOFTWARE = "software SW"


def table_layout(
    table: str, loss: str, published: Mapping[str, Sequence[float]], radii: Sequence[float],
    gains: Sequence[str], quantity: str = "AL",
) -> Layout:  # fmt: skip
    """Lay a table out as printed, for one loss, with the published AL beside each gain.

    `published`: percent by row, such as "16x16 SH" or "software SW", a number a radius; `gains`:
    class names. Only the cross-entropy loss is the paper's, and the note of any other says so.

    >>> made = table_layout("Table I", "margin", {"16x16 SH": (39.81,)}, (0.05,), ("UnitGain",))
    >>> made.rows.order
    ('16x16 SH UnitGain',)
    """
    rows = {row: values for row, values in published.items() if row == SOFTWARE}
    rows |= {
        f"{row} {gain}": published[row] for gain in gains for row in published if row != SOFTWARE
    }
    columns, name = tuple(fraction(eps) for eps in radii), f"{table}, {loss} loss, {quantity}"
    printed = tuple(
        Published(SOURCE, name, row, column, value)
        for row, values in rows.items()
        for column, value in zip(columns, values, strict=True)
    )
    return Layout(
        name, quantity,
        rows=Axis("tile, setting, gain", ("tile", "setting", "gain"), order=tuple(rows)),
        columns=Axis("epsilon", ("eps",), order=columns), where=(("loss", loss),),
        published=printed if quantity == "AL" else (),
        note="" if loss == "cross-entropy" else "The paper's attack has the cross-entropy loss.",
    )  # fmt: skip


def figure_layout(
    figure: str, quantity: str, data: Mapping[str, str], radii: Sequence[float],
    tiles: Sequence[int], gains: Sequence[str],
) -> Layout:  # fmt: skip
    """Lay a figure out of which no numbers were printed.

    `data`: the names of the rows of each data set; those of CIFAR-10 are a stand-in.

    >>> figure_layout("Fig 5", "AL", {"cifar100": "VGG16"}, (0.05,), (), ()).rows.names
    (('cifar100 software SW', 'VGG16: software SW'),)
    """
    chips = [f"{n}x{n} {setting}" for n in tiles for setting in ("SH", "HH")]
    words = (SOFTWARE, *(f"{chip} {gain}" for gain in gains for chip in chips))
    named = {f"{key} {row}": f"{name}: {row}" for key, name in data.items() for row in words}
    return Layout(
        f"{figure}, {quantity} (rows of CIFAR-10 are a stand-in)", quantity,
        rows=Axis(
            "data, tile, setting, gain", ("data", "tile", "setting", "gain"), tuple(named),
            tuple(named.items()),
        ),
        columns=Axis("epsilon", ("eps",), order=tuple(fraction(eps) for eps in radii)), note=FIGURE,
    )  # fmt: skip
