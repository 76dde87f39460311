"""How much current an array loses to its parasitics."""

from __future__ import annotations

import torch
from torch import Tensor

from ..transforms import outside_transforms


def nonideality_factor(wanted: Tensor, made: Tensor, volts: Tensor) -> Tensor:
    """NF of every array: the share of its column current that is missing, averaged over columns and inputs.

        NF = mean_{inputs, columns} (I_ideal - I) / I_ideal,   I_ideal = V^T G,   I = V^T W

    `wanted` G and `made` W: `(..., rows, cols)` siemens; `volts` `(..., inputs, rows)` -> `(...)`.
    Columns without ideal current, or marked NaN in `wanted`, are left out; an array without any is NaN.
    Source: RxNN, arXiv 1809.00072.

    >>> g = torch.full((4, 2), 1e-5)
    >>> round(nonideality_factor(g, 0.75 * g, torch.ones(1, 4)).item(), 6)
    0.25
    """
    ideal = volts @ wanted
    lost = (ideal - volts @ made) / ideal  # 0 / 0 = NaN where no current was due
    return torch.nanmean(lost, dim=(-2, -1))


def probe_volts(rows: int, *, inputs: int = 8, seed: int = 0) -> Tensor:
    """Voltages to measure NF with: uniform in (0, 1), the same for everyone; `(inputs, rows)` float64."""
    stream = torch.Generator().manual_seed(seed)
    return outside_transforms(lambda: torch.rand(inputs, rows, generator=stream, dtype=torch.float64))
