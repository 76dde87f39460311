"""Maps of a chip: NF of each tile, and effective conductance by the place in an array."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..circuits.effective import through_wires
from ..mapping import Crossbar
from ..mapping.nonideality_factor import nonideality_factor, probe_volts
from ..values import Value
from .abstract_mapped_layer import AbstractMappedLayer
from .chip import Chip
from .chip_report import LayerReport

Grid = tuple[tuple[float, ...], ...]
MAX_SIDE = 32  # rows and columns of a map; larger arrays are averaged in blocks


@dataclass(frozen=True)
class LayerView(Value):
    """One layer's maps.

    `nf`: non-ideality factor by (row tile, column tile), mean over the arrays and groups that share
    the place, all columns read; `conductance`: mean programmed conductance there, microsiemens;
    `kept`: W / G by (word line, bit line) within an array, mean over all arrays: W the effective, G
    the programmed conductance of a device. Arrays with more than 32 lines a side are averaged in
    blocks.

    This NF is not `report.nf`. It compares the solved arrays with the conductances as they were
    programmed, all word lines driven and all columns read: parasitics alone. The report's compares
    with the target conductances, so that variation and faults count, and leaves out pad rows and
    pad columns.
    """

    report: LayerReport
    nf: Grid
    conductance: Grid
    kept: Grid


@dataclass(frozen=True)
class ChipView(Value):
    """The maps of every mapped layer, as `wordline map --view chip.json` writes them."""

    network: str
    crossbar: Crossbar
    seed: int
    layers: tuple[LayerView, ...]
    digital: tuple[tuple[str, str], ...]


@torch.no_grad()
def chip_view(chip: Chip) -> ChipView:
    """Solve the arrays of a chip once more, as ohmic ones, and return the maps of every layer.

    >>> from wordline.mapping import Crossbar
    >>> from wordline.nn import map_model
    >>> view = chip_view(map_model(torch.nn.Linear(3, 2).eval(), Crossbar.preset("ideal")))
    >>> view.layers[0].nf, view.layers[0].kept[0][0]  # no wires: every device counts in full
    (((0.0,),), 1.0)
    """
    report = chip.report()
    layers = tuple(
        _layer_view(row, layer)
        for row, layer in zip(report.layers, chip.layers.values(), strict=True)
    )
    return ChipView(type(chip.model).__name__, chip.crossbar, chip.seed, layers, report.digital)


def _layer_view(report: LayerReport, layer: AbstractMappedLayer) -> LayerView:
    g = layer.conductances  # (arrays, groups, row_tiles, col_tiles, rows, cols)
    made = through_wires(g, layer.crossbar.wires)
    nf = nonideality_factor(g, made, probe_volts(g.shape[-2]).to(g))
    kept = torch.where(g > 0, made / g, torch.nan).flatten(0, 3).nanmean(0)
    mean = _grid(1e6 * g.mean((0, 1, 4, 5)), 3)
    return LayerView(report, _grid(nf.mean((0, 1)), 4), mean, _grid(_coarse(kept), 4))


def _coarse(grid: Tensor) -> Tensor:
    """Average blocks until there are at most `MAX_SIDE` rows and columns."""
    size = (min(grid.shape[0], MAX_SIDE), min(grid.shape[1], MAX_SIDE))
    return torch.nn.functional.adaptive_avg_pool2d(grid.nan_to_num(0.0)[None], size)[0]


def _grid(values: Tensor, decimals: int) -> Grid:
    rows = values.double().tolist()
    return tuple(tuple(round(value, decimals) + 0.0 for value in row) for row in rows)
