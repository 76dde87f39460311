"""The non-ideality factor (NF): the share of its current that an array loses to its parasitics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..transforms import outside_transforms
from .blocks import Block
from .crossbar import Crossbar


def nonideality_factor(target: Tensor, effective: Tensor, volts: Tensor) -> Tensor:
    """Compute the NF of every array.

        NF = mean_{inputs, columns} (I_ideal - I) / I_ideal,   I_ideal = V^T G,   I = V^T W

    `target` G and `effective` W: `(..., rows, cols)` siemens; `volts` `(..., inputs, rows)`; the
    result is `(...)`. Columns without ideal current, or marked NaN in `target`, are left out; an
    array without any is NaN. Source: RxNN, arXiv 1809.00072.

    >>> g = torch.full((4, 2), 1e-5)
    >>> round(nonideality_factor(g, 0.75 * g, torch.ones(1, 4)).item(), 6)
    0.25
    """
    ideal = volts @ target
    lost = (ideal - volts @ effective) / ideal  # 0 / 0 = NaN where no current was due
    return torch.nanmean(lost, dim=(-2, -1))


def probe_volts(rows: int, *, inputs: int = 8, seed: int = 0) -> Tensor:
    """Draw the voltages to measure NF with: uniform in (0, 1), `(inputs, rows)` float64."""
    stream = torch.Generator().manual_seed(seed)
    return outside_transforms(
        lambda: torch.rand(inputs, rows, generator=stream, dtype=torch.float64)
    )


def block_nonideality_factors(
    target: Tensor, effective: Tensor, block: Block, matrix_shape: Sequence[int], crossbar: Crossbar
) -> Tensor:
    """Compute the NF of each array of a block, without pad rows and pad columns."""
    rows, cols = crossbar.tile
    row_tiles, col_tiles = block.row_tiles, block.col_tiles
    volts = probe_volts(-(-matrix_shape[1] // rows) * rows)
    volts[:, matrix_shape[1] :] = 0
    volts = volts[:, row_tiles.start * rows : row_tiles.stop * rows]
    volts = volts.unflatten(1, (len(row_tiles), 1, rows)).movedim(0, -2)
    volts = volts.to(target)  # (row_tiles, 1, inputs, rows)
    col = torch.arange(cols, device=target.device)
    tile = torch.arange(col_tiles.start, col_tiles.stop, device=target.device)[:, None, None]
    is_weight = tile * crossbar.weight_cols + col < matrix_shape[2]
    is_read = is_weight | (col >= crossbar.weight_cols)
    return nonideality_factor(target.where(is_read, torch.nan), effective, volts)
