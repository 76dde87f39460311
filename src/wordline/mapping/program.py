"""From a weight matrix to devices, and to the matrix that they multiply by: the pipeline in one readable function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..circuits import effective_conductance
from ..transforms import whole
from .crossbar import Crossbar
from .nonideality_factor import nonideality_factor, probe_volts
from .tiling import join, split


@dataclass(frozen=True, eq=False)
class Programmed:
    """What programming left: devices as they are, and what the layer multiplies by.

    `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens, the slices of a weight outermost among
    the arrays; `response`: what one read of them needs, of the same leading dimensions; `weight` `(groups, K, C)`: the
    layer's matrix at small signals, converters aside; `gain` broadcasts over it and is part of it; `largest`: the
    weight that fills the window; `nf`: mean non-ideality factor of the layer's arrays.
    """

    conductances: Tensor
    response: Tensor
    weight: Tensor
    gain: Tensor
    largest: Tensor
    nf: Tensor


def program(matrix: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> Programmed:
    """Program weights `(groups, K, C)` (K inputs, C outputs) onto a crossbar and solve its circuit.

        u = w / w_max  ->  tiles  ->  shares = encode(u)  ->  slices  ->  G  ->  non-idealities  ->  W = circuit(G)
        w_hat = gain * w_max * decode(W)

    Exact for ohmic devices: inputs times w_hat is what Kirchhoff's laws give. Pad cells are programmed like a weight
    of zero, their rows held at 0 V through the driver and their columns terminated. Differentiable in `matrix`. Every
    draw comes from `generator`; what is drawn anew at each read is left out here and belongs to `read_noise`. Source:
    PHYSICS in the documentation, sections 1, 4, 5 and 6.
    """
    return program_many(matrix, crossbar, (generator,))[0]


def program_many(matrix: Tensor, crossbar: Crossbar, generators: Sequence[torch.Generator]) -> tuple[Programmed, ...]:
    """Program the same weights on several samples of a crossbar, one a generator: `program` of each, bit for bit.

    What is asked of the devices is worked out once, and all samples are solved in one call. Autocast changes nothing.
    """
    with torch.autocast(matrix.device.type, enabled=False):  # siemens have no place in 16 bits
        return _program_many(matrix, crossbar, generators)


def _program_many(matrix: Tensor, crossbar: Crossbar, generators: Sequence[torch.Generator]) -> tuple[Programmed, ...]:
    if not whole(matrix).isfinite().all():
        raise ValueError("`matrix` holds NaN or Inf weights; a device cannot be programmed to them")
    encoding, slicing, device = crossbar.encoding, crossbar.slicing, crossbar.device
    largest = crossbar.scale.largest(matrix)
    units = (matrix / largest).clamp(-1, 1)
    tiles = split(units, (crossbar.tile[0], crossbar.weight_cols), fill=0.0)
    shares = slicing.cut(encoding.shares(tiles, slicing.middle), encoding.sign_bits)
    wanted = device.conductance(shares)
    there = torch.stack([land(wanted, crossbar, generator=generator) for generator in generators])
    response = crossbar.array.program(there, crossbar.wires)
    multiplies_by = response if crossbar.array.linear else effective_conductance(there, crossbar.wires)
    samples = zip(_own(there), _own(response), multiplies_by, strict=True)
    return tuple(_read_out(*sample, wanted, matrix, largest, crossbar) for sample in samples)


def land(wanted: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> Tensor:
    """Conductances after the device and everything that happens once, when the chip is programmed."""
    there = crossbar.device.programmed(wanted, generator=generator)
    for nonideality in crossbar.nonidealities:
        if not nonideality.fresh:
            there = nonideality.apply(there, crossbar.device, generator=generator)
    return there


def _own(samples: Tensor) -> tuple[Tensor, ...]:
    """The samples, each in memory of its own, so that keeping or copying one does not keep or copy all."""
    return (samples[0],) if len(samples) == 1 else tuple(sample.clone() for sample in samples)


def _read_out(
    there: Tensor, response: Tensor, multiplies_by: Tensor, wanted: Tensor, matrix: Tensor, largest: Tensor,
    crossbar: Crossbar,
) -> Programmed:  # fmt: skip
    """One sample as the digital side sees it: the matrix it stands for, its gain and its NF."""
    shape = (matrix.shape[-2], matrix.shape[-1])
    made = largest * decode(multiplies_by, crossbar, shape)
    gain = crossbar.gain.solve(made, matrix)
    nf = _layer_nf(wanted.detach(), multiplies_by.detach(), shape, crossbar)
    return Programmed(there, response, gain * made, gain, largest, nf)


def read_noise(conductances: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> Tensor:
    """The conductances during one read: programmed ones after everything that is drawn anew each time."""
    for nonideality in crossbar.nonidealities:
        if nonideality.fresh:
            conductances = nonideality.apply(conductances, crossbar.device, generator=generator)
    return conductances


def decode(multiplies_by: Tensor, crossbar: Crossbar, shape: tuple[int, int]) -> Tensor:
    """Effective conductances of all arrays -> the matrix `(groups, *shape)` they stand for, in shares of w_max."""
    encoding, slicing = crossbar.encoding, crossbar.slicing
    merged = slicing.merge(multiplies_by / crossbar.window_siemens, encoding.sign_bits)
    return join(encoding.difference(merged, slicing.middle), shape)


def _layer_nf(wanted: Tensor, made: Tensor, shape: tuple[int, int], crossbar: Crossbar) -> Tensor:
    """Mean NF over the layer's arrays; pad rows carry no voltage, pad columns are not read."""
    row_tiles, col_tiles, rows, cols = wanted.shape[-4:]
    volts = probe_volts(row_tiles * rows)
    volts[:, shape[0] :] = 0
    volts = volts.unflatten(1, (row_tiles, 1, rows)).movedim(0, -2).to(wanted)  # (row_tiles, 1, inputs, rows)
    col = torch.arange(cols, device=wanted.device)
    first = torch.arange(col_tiles, device=wanted.device)[:, None, None] * crossbar.weight_cols
    read = (first + col < shape[1]) | (col >= crossbar.weight_cols)
    return torch.nanmean(nonideality_factor(wanted.where(read, torch.nan), made, volts)).double()
