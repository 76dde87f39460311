"""What a chip says of itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..mapping import Crossbar
from ..text import render_table
from ..values import Value
from .mapped_layer import MappedLayer


@dataclass(frozen=True)
class LayerReport(Value):
    """One mapped layer: its matrix, its arrays, and what the parasitics do to it.

    `nf`: non-ideality factor of its arrays; `gain`: mean digital factor on its outputs; `utilisation`: share of cells
    that hold a weight, the rest being padding.
    """

    name: str
    kind: str
    groups: int
    inputs: int
    outputs: int
    tiles: int
    cells: int
    utilisation: float
    nf: float
    gain: float
    gradient: str


@dataclass(frozen=True)
class ChipReport(Value):
    """All mapped layers, and the layers that stayed digital with the reason; prints as a table."""

    crossbar: Crossbar
    seed: int
    layers: tuple[LayerReport, ...]
    digital: tuple[tuple[str, str], ...]

    @property
    def nf(self) -> float:
        """Non-ideality factor averaged over the chip's arrays."""
        return sum(row.nf * row.tiles for row in self.layers) / sum(row.tiles for row in self.layers)

    def __str__(self) -> str:
        header = ("layer", "kind", "matrix", "tiles", "used", "NF", "gain", "gradient")
        rows = [
            (
                row.name, row.kind, f"{row.groups} x ({row.inputs} x {row.outputs})", str(row.tiles),
                f"{row.utilisation:.0%}", f"{row.nf:.3f}", f"{row.gain:.3f}", row.gradient,
            )
            for row in self.layers
        ]  # fmt: skip
        tiles, cells = sum(row.tiles for row in self.layers), sum(row.cells for row in self.layers)
        table = render_table(
            header, rows, title=f"chip, seed {self.seed}: {tiles} tiles, {cells} cells, NF {self.nf:.3f}"
        )
        digital = "".join(f"\nstays digital: {name}: {why}" for name, why in self.digital)
        return table + digital


def report_layer(name: str, layer: MappedLayer) -> LayerReport:
    """The report's row of one mapped layer."""
    groups, inputs, outputs = layer.matrix_shape
    tiles = math.prod(layer.conductances.shape[:-2])
    cells = layer.conductances.numel()
    arrays = layer.conductances.shape[0]
    return LayerReport(
        name=name, kind=layer.kind, groups=groups, inputs=inputs, outputs=outputs, tiles=tiles, cells=cells,
        utilisation=arrays * groups * inputs * outputs / cells, nf=float(layer.nf), gain=float(layer.gain.mean()),
        gradient=layer.gradient,
    )  # fmt: skip
