"""From a weight matrix to the matrix that the chip multiplies by: the whole pipeline in one readable function."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..circuits import effective_conductance
from .crossbar import Crossbar
from .nonideality_factor import nonideality_factor, probe_volts
from .tiling import join, split


@dataclass(frozen=True, eq=False)
class Programmed:
    """What programming left: devices as they are, and the weight that the layer now has.

    `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens; `weight` `(groups, K, C)`;
    `gain` broadcasts over it and is part of it; `nf` is the mean non-ideality factor of the layer's arrays.
    """

    conductances: Tensor
    weight: Tensor
    gain: Tensor
    nf: Tensor


def program(matrix: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> Programmed:
    """Program weights `(groups, K, C)` (K inputs, C outputs) onto a crossbar and solve its circuit.

        u = w / w_max  ->  G = encode(u)  ->  tiles  ->  non-idealities  ->  W = circuit(G)
        w_hat = gain * w_max * decode(W)

    Exact for ohmic devices: inputs times w_hat is what Kirchhoff's laws give. Pad cells are programmed like a weight
    of zero, their rows held at 0 V through the driver and their columns terminated. Differentiable in `matrix`. Every
    draw comes from `generator`. Source: PHYSICS in the documentation, sections 1, 4 and 5.
    """
    if not matrix.isfinite().all():
        raise ValueError("`matrix` holds NaN or Inf weights; a device cannot be programmed to them")
    largest = crossbar.scale.largest(matrix)
    units = (matrix / largest).clamp(-1, 1)
    wanted = crossbar.encoding.encode(split(units, crossbar.tile, fill=0.0), crossbar.device)
    there = wanted
    for nonideality in crossbar.nonidealities:
        there = nonideality.apply(there, crossbar.device, generator=generator)
    multiplies_by = effective_conductance(there, crossbar.wires)

    shape = (matrix.shape[-2], matrix.shape[-1])
    made = largest * join(crossbar.encoding.decode(multiplies_by, crossbar.device), shape)
    gain = crossbar.gain.solve(made, matrix)
    return Programmed(there, gain * made, gain, _layer_nf(wanted.detach(), multiplies_by.detach(), shape))


def _layer_nf(wanted: Tensor, made: Tensor, shape: tuple[int, int]) -> Tensor:
    """Mean NF over the layer's arrays; pad rows carry no voltage, pad columns are not read."""
    row_tiles, col_tiles, rows, cols = wanted.shape[-4:]
    volts = probe_volts(row_tiles * rows)
    volts[:, shape[0] :] = 0
    volts = volts.unflatten(1, (row_tiles, 1, rows)).movedim(0, -2).to(wanted)  # (row_tiles, 1, inputs, rows)
    read = torch.arange(col_tiles * cols, device=wanted.device).view(col_tiles, 1, cols) < shape[1]
    return torch.nanmean(nonideality_factor(wanted.where(read, torch.nan), made, volts)).double()
