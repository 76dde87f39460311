"""Colours of designs: by tile, and by parasitics too where a tile has several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...records.record import Record
from ..fields import format_field

# Okabe and Ito 2008, the colours that all kinds of colour vision tell apart
OF_TILES: Final = {16: "#0072B2", 32: "#D55E00", 64: "#009E73", 128: "#CC79A7"}
OTHERS: Final = ("#E69F00", "#56B4E9", "#8A7500")
WIRES: Final = ("driver_ohm", "row_ohm", "col_ohm")

Design = tuple[int, int, tuple[str, ...]]  # rows, columns, resistances


def design_of(record: Record) -> Design:
    """Return the tile of a chip, or of a twin's chip, and the resistances of its wires."""
    rows, cols = record.victim.chip.tile
    return rows, cols, tuple(format_field(record, name) for name in WIRES)


def name_designs(records: Iterable[Record]) -> dict[Design, tuple[str, str]]:
    """Map every design to its name and colour, in order of tiles: "64x64, col 1.1 ohm".

    Where there are more designs than colours, those of one tile share a name and a colour.
    """
    designs = sorted({design_of(record) for record in records})
    colours = dict(zip(designs, _colours([design[0] for design in designs]), strict=True))
    apart = len(set(colours.values())) == len(designs)
    named = {}
    for design in designs:
        rows, cols, wires = design
        alike = [other[2] for other in designs if other[:2] == design[:2]]
        differing = next((i for i in range(len(WIRES)) if len({w[i] for w in alike}) > 1), -1)
        name = f"{rows}x{cols}"
        if apart and differing >= 0:
            name += f", {WIRES[differing].removesuffix('_ohm')} {wires[differing]} ohm"
        colour = colours[design] if apart else OF_TILES.get(rows, OTHERS[-1])
        named[design] = name, colour
    return named


def _colours(sides: list[int]) -> list[str]:
    """Give every design a colour: the first of a tile the tile's own, others what is left."""
    own = {OF_TILES[side] for side in sides if side in OF_TILES}
    left = [c for c in (*OTHERS, *OF_TILES.values()) if c not in own]
    chosen: list[str] = []
    for side in sides:
        wanted = OF_TILES.get(side, "")
        if wanted and wanted not in chosen:
            chosen.append(wanted)
        else:
            chosen.append(left.pop(0) if left else OTHERS[-1])
    return chosen
