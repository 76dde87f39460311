"""What a chip says of itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

from ..mapping import Crossbar
from ..mapping.cells import array_shape
from ..products import NOT_PROBED, Products
from ..text import render_table
from ..values import Value
from .choice import Overrides
from .mapped_layer import MappedLayer
from .usage import Usage


@dataclass(frozen=True)
class LayerReport(Value):
    """One mapped layer: its matrix, its arrays, and what the parasitics do to it.

    `slices`, `halves`: arrays that hold one matrix, for the digits of its weights and for their sign; `tiles`: all
    arrays; `utilisation`: share of cells that hold a weight, the rest being padding; `nf`: non-ideality factor of its
    arrays; `gain`: mean digital factor on its outputs; `converted`, `saturated`: ADC conversions since it was
    programmed, and how many of them were out of range (arrays of curved devices that a surrogate reads are asked for
    columns with weights alone, so pads are in neither); `usage`: what one inference takes, where it was counted.
    """

    name: str
    kind: str
    groups: int
    inputs: int
    outputs: int
    tile: tuple[int, int]
    slices: int
    halves: int
    tiles: int
    cells: int
    utilisation: float
    nf: float
    gain: float
    gradient: str
    converted: int
    saturated: int
    usage: Usage

    @property
    def saturation(self) -> float:
        """Share of conversions that were out of range; NaN before the first."""
        return self.saturated / self.converted if self.converted else math.nan


@dataclass(frozen=True)
class ChipReport(Value):
    """All mapped layers, and the layers that stayed digital with the reason; prints as a table.

    `crossbar`: of every layer that none of the `overrides` names; `products`: every product of a probed pass.
    """

    crossbar: Crossbar
    seed: int
    layers: tuple[LayerReport, ...]
    digital: tuple[tuple[str, str], ...]
    overrides: Overrides = ()
    products: Products = NOT_PROBED

    @property
    def tiles(self) -> int:
        """Arrays of the whole chip."""
        return sum(row.tiles for row in self.layers)

    @property
    def cells(self) -> int:
        """Devices of the whole chip, pads included."""
        return sum(row.cells for row in self.layers)

    @property
    def utilisation(self) -> float:
        """Share of the chip's cells that hold a weight."""
        return sum(row.utilisation * row.cells for row in self.layers) / self.cells

    @property
    def nf(self) -> float:
        """Non-ideality factor averaged over the chip's arrays."""
        return sum(row.nf * row.tiles for row in self.layers) / self.tiles

    @property
    def usage(self) -> Usage:
        """What one inference takes, all layers together; all zero where it was not counted."""
        return reduce(Usage.__add__, (row.usage for row in self.layers), Usage())

    def __str__(self) -> str:
        counted = self.usage.vectors > 0
        header: tuple[str, ...] = ("layer", "kind", "matrix", "tile", "arrays", "tiles", "used", "NF", "gain")
        header += ("saturated", "gradient")
        header += ("vectors", "conversions", "cell reads") if counted else ()
        rows = [_cells_of(row) + (_counts(row.usage) if counted else ()) for row in self.layers]
        if counted:
            rows.append(("one inference", *[""] * 10, *_counts(self.usage)))
        title = f"chip, seed {self.seed}: {self.tiles} tiles, {self.cells} cells, {self.utilisation:.0%} used"
        table = render_table(header, rows, title=f"{title}, NF {self.nf:.3f}")
        probed = f"\n{self.products}" if self.products != NOT_PROBED else ""
        return table + probed + "".join(f"\nstays digital: {name}: {why}" for name, why in self.digital)


def _cells_of(row: LayerReport) -> tuple[str, ...]:
    return (
        row.name, row.kind, f"{row.groups} x ({row.inputs} x {row.outputs})", f"{row.tile[0]} x {row.tile[1]}",
        f"{row.slices} x {row.halves}", str(row.tiles), f"{row.utilisation:.0%}", f"{row.nf:.3f}", f"{row.gain:.3f}",
        f"{row.saturation:.2%}" if row.converted else "-", row.gradient,
    )  # fmt: skip


def _counts(usage: Usage) -> tuple[str, ...]:
    return tuple(f"{count:.4g}" for count in (usage.vectors, usage.conversions, usage.cell_reads))


def report_layer(name: str, layer: MappedLayer, usage: Usage) -> LayerReport:
    """The report's row of one mapped layer."""
    groups, inputs, outputs = layer.matrix_shape
    slices, halves = array_shape(layer.crossbar)
    cells = layer.conductances.numel()
    return LayerReport(
        name=name, kind=layer.kind, groups=groups, inputs=inputs, outputs=outputs, tile=layer.crossbar.tile,
        slices=slices, halves=halves, tiles=math.prod(layer.conductances.shape[:-2]), cells=cells,
        utilisation=slices * halves * groups * inputs * outputs / cells, nf=float(layer.nf),
        gain=float(layer.gain.mean()), gradient=layer.gradient, converted=layer.tally.conversions,
        saturated=layer.tally.saturated, usage=usage,
    )  # fmt: skip
