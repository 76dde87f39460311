"""Reports of chips: their layers, costs, and what stayed digital."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

from ..mapping import BlockDiagonal, Crossbar
from ..mapping.cells import array_shape
from ..records import NOT_PROBED, Products
from ..text import render_table
from ..values import Value
from .abstract_mapped_layer import AbstractMappedLayer
from .accounting.usage import Usage
from .layer_selection import Overrides
from .reading.read_fast import packed_bytes


@dataclass(frozen=True)
class LayerReport(Value):
    """One mapped layer: its matrix, its arrays, and the effect of parasitics.

    `slices`, `halves`: arrays that hold one matrix, for the digits of its weights and their sign;
    `tiles`: all arrays; `utilisation`: share of cells that hold a weight, the rest being padding;
    `nf`: non-ideality factor of its arrays; `gain`: mean digital factor on its outputs;
    `gain_measured`: when it was measured; `converted`, `saturated`: ADC conversions since the layer
    was programmed, and how many of them were out of range (a surrogate of curved devices computes
    columns with weights alone, so pads are in neither); `usage`: cost of one inference, where it
    was counted; `kept_bytes`: memory of its buffers, and of arrays that a kernel packed. Where
    groups share tiles, `groups`, `inputs` and `outputs` are those of the wider matrices on the
    tiles.
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
    kept_bytes: int = 0
    gain_measured: str = "never"

    @property
    def saturation(self) -> float:
        """Share of conversions that were out of range; NaN before the first."""
        return self.saturated / self.converted if self.converted else math.nan


@dataclass(frozen=True)
class ChipReport(Value):
    """All mapped layers, and the layers that stayed digital with the reason; prints as a table.

    `crossbar`: of every layer that none of the `overrides` names; `products`: every product of a
    probed pass.
    """

    crossbar: Crossbar
    seed: int
    layers: tuple[LayerReport, ...]
    digital: tuple[tuple[str, str], ...]
    overrides: Overrides = ()
    products: Products = NOT_PROBED

    @property
    def tiles(self) -> int:
        """Number of arrays of the whole chip."""
        return sum(row.tiles for row in self.layers)

    @property
    def cells(self) -> int:
        """Number of devices of the whole chip, pads included."""
        return sum(row.cells for row in self.layers)

    @property
    def utilisation(self) -> float:
        """Share of the chip's cells that hold a weight."""
        return sum(row.utilisation * row.cells for row in self.layers) / self.cells

    @property
    def kept_bytes(self) -> int:
        """Memory that the mapped layers keep."""
        return sum(row.kept_bytes for row in self.layers)

    @property
    def grouped(self) -> tuple[LayerReport, ...]:
        """Grouped layers with one group a tile, where a tile could hold several."""
        shared = BlockDiagonal()
        return tuple(
            row
            for row in self.layers
            if row.groups > 1 and shared.groups_per_tile((row.inputs, row.outputs), row.tile) > 1
        )

    @property
    def nf(self) -> float:
        """Non-ideality factor averaged over the chip's arrays."""
        return sum(row.nf * row.tiles for row in self.layers) / self.tiles

    @property
    def usage(self) -> Usage:
        """Cost of one inference in all layers together; all zero where it was not counted."""
        return reduce(Usage.__add__, (row.usage for row in self.layers), Usage())

    def __str__(self) -> str:
        counted = self.usage.vectors > 0
        header: tuple[str, ...] = ("layer", "kind", "matrix", "tile", "arrays", "tiles", "used")
        header += ("NF", "gain", "saturated", "gradient")
        header += ("vectors", "conversions", "cell reads") if counted else ()
        rows = [_cells_of(row) + (_counts(row.usage) if counted else ()) for row in self.layers]
        if counted:
            rows.append(("one inference", *[""] * 10, *_counts(self.usage)))
        title = f"chip, seed {self.seed}: {self.tiles} tiles, {self.cells} cells, "
        title += f"{self.utilisation:.0%} used, NF {self.nf:.3f}"
        table = render_table(header, rows, title=title)
        moments = sorted({row.gain_measured for row in self.layers} - {"never"})
        lines = [str(self.products)] if self.products != NOT_PROBED else []
        lines += [*(f"gain measured {moment}" for moment in moments), *self._costs()]
        lines += [f"stays digital: {name}: {why}" for name, why in self.digital]
        return "\n".join([table, *lines])

    def _costs(self) -> list[str]:
        """Report memory of the layers, and tiles of grouped layers with one group a tile."""
        lines = [f"kept in memory: {self.kept_bytes / 1e9:.3g} GB"]
        if self.grouped:
            names = ", ".join(row.name for row in self.grouped)
            tiles, cells = (sum(getattr(r, n) for r in self.grouped) for n in ("tiles", "cells"))
            used = sum(row.utilisation * row.cells for row in self.grouped) / cells
            lines.append(
                f"one group a tile in {names}: {tiles} of {self.tiles} tiles, of which {used:.2%} "
                "is used; Crossbar(packing=BlockDiagonal()) lets groups share tiles"
            )
        return lines


def _cells_of(row: LayerReport) -> tuple[str, ...]:
    return (
        row.name, row.kind, f"{row.groups} x ({row.inputs} x {row.outputs})",
        f"{row.tile[0]} x {row.tile[1]}", f"{row.slices} x {row.halves}", str(row.tiles),
        f"{row.utilisation:.0%}", f"{row.nf:.3f}", f"{row.gain:.3f}",
        f"{row.saturation:.2%}" if row.converted else "-", row.gradient,
    )  # fmt: skip


def _counts(usage: Usage) -> tuple[str, ...]:
    counts = usage.vectors, usage.conversions, usage.cell_reads
    return tuple(f"{count:.4g}" for count in counts)


def report_layer(name: str, layer: AbstractMappedLayer, usage: Usage) -> LayerReport:
    """Report one mapped layer."""
    groups, inputs, outputs = layer.matrix_shape
    slices, halves = array_shape(layer.crossbar)
    cells = math.prod(layer.cells_shape)
    packed = 0 if layer.crossbar.is_matrix else packed_bytes(layer.response)
    return LayerReport(
        name=name,
        kind=layer.kind,
        groups=groups,
        inputs=inputs,
        outputs=outputs,
        tile=layer.crossbar.tile,
        slices=slices,
        halves=halves,
        tiles=math.prod(layer.cells_shape[:-2]),
        cells=cells,
        utilisation=slices * halves * layer.weight_count / cells,
        nf=float(layer.nf),
        gain=float(layer.gain.mean()),
        gain_measured=layer.crossbar.gain.timing,
        gradient=layer.gradient,
        converted=layer.tally.conversions,
        saturated=layer.tally.saturated,
        usage=usage,
        kept_bytes=sum(b.numel() * b.element_size() for b in layer.buffers()) + packed,
    )
