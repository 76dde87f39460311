"""From a weight matrix to devices, and to the matrix that they multiply by: the pipeline in one readable function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..circuits.effective import through_wires
from ..devices.parts import MOST, apply_to_devices, program_devices
from ..transforms import concrete
from .blocks import Block, Whole
from .cells import array_shape, tile_blocks
from .crossbar import Crossbar
from .nonideality_factor import nonideality_factor, probe_volts
from .packing import pack
from .scale import full_window
from .tiling import join, split

Look = Callable[[int, Block, Tensor], None]


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

    A large layer is worked on some tiles at a time (`blocks`), unless a derivative is asked for: all that grows with
    the layer is what is returned. All samples of a block are solved in one call. Autocast changes nothing.
    """
    with torch.autocast(matrix.device.type, enabled=False):  # siemens have no place in 16 bits
        return _program_many(matrix, crossbar, generators)


def _program_many(matrix: Tensor, crossbar: Crossbar, generators: Sequence[torch.Generator]) -> tuple[Programmed, ...]:
    if not concrete(matrix).isfinite().all():
        raise ValueError("`matrix` holds NaN or Inf weights; a device cannot be programmed to them")
    encoding, slicing, tile = crossbar.encoding, crossbar.slicing, (crossbar.tile[0], crossbar.weight_cols)
    largest = crossbar.scale.largest(matrix)
    matrix = pack(matrix, crossbar.packing, tile)
    parts = tile_blocks(matrix, crossbar, samples=len(generators))

    @lru_cache(maxsize=1)  # a layer of one block is asked for once
    def wanted(block: Block) -> Tensor:
        units = (matrix[block.weights(tile)] / full_window(largest)).clamp(-1, 1)
        tiles = split(units, tile, fill=0.0)
        shares = slicing.cut(encoding.shares(tiles, slicing.middle), encoding.sign_bits)
        return crossbar.device.conductance(shares)

    before = _measured(wanted, parts, matrix, crossbar, generators)
    there = [_landed(wanted, parts, crossbar, generator) for generator in generators]
    if len(there) > 1 and len(parts) == 1:
        there = [g.clone() if g is wanted(parts[0]) else g for g in there]  # each in memory of its own
    factors = [Whole(tuple(g.shape[:-2])) for g in there]

    def look(k: int, block: Block, multiplies_by: Tensor) -> None:
        nf = _nf_of(wanted(block).detach(), multiplies_by.detach(), block, matrix.shape, crossbar)
        factors[k].put(nf, (slice(None), *block.tiles))

    solved = solve(there, crossbar, matrix, look)
    return tuple(
        _read_out(g, *answers, nf.tensor, matrix, largest, crossbar, measured)
        for g, answers, nf, measured in zip(there, solved, factors, before, strict=True)
    )


def land(wanted: Tensor, crossbar: Crossbar, *, generator: torch.Generator, overwrite: bool = False) -> Tensor:
    """Conductances after the device and everything that happens once, when the chip is programmed.

    With `overwrite` they replace those wanted in memory.
    """
    there = program_devices(crossbar.device, wanted, generator=generator, overwrite=overwrite)
    for entry in crossbar.nonidealities:
        if not entry.fresh:
            there = apply_to_devices(entry, there, crossbar.device, generator=generator, overwrite=overwrite)
    return there


def _measured(
    wanted: Callable[[Block], Tensor], parts: Sequence[Block], matrix: Tensor, crossbar: Crossbar,
    generators: Sequence[torch.Generator],
) -> list[Tensor | None]:  # fmt: skip
    """What the arrays of each sample make at the moment of programming, where the gain is measured then and not now."""
    fresh = crossbar.as_programmed
    if crossbar.gain.at_reading or fresh == crossbar:
        return [None] * len(generators)
    same = [torch.Generator(generator.device).set_state(generator.get_state()) for generator in generators]
    return [made for _, made in solve([_landed(wanted, parts, fresh, one) for one in same], fresh, matrix)]


def _landed(
    wanted: Callable[[Block], Tensor], parts: Sequence[Block], crossbar: Crossbar, generator: torch.Generator
) -> Tensor:
    """One sample's devices, all of them, in the order of which random numbers are drawn."""
    if len(parts) == 1:
        return land(wanted(parts[0]), crossbar, generator=generator)
    last, (slices, signs) = parts[-1], array_shape(crossbar)
    tiles = last.groups.stop, last.down.stop, last.across.stop
    asked = Whole((slices * signs, *tiles, *crossbar.tile))
    for block in parts:
        asked.put(wanted(block), (slice(None), *block.tiles))
    return land(asked.tensor, crossbar, generator=generator, overwrite=True)


def solve(
    there: Sequence[Tensor], crossbar: Crossbar, matrix: Tensor, look: Look = lambda k, block, multiplies_by: None
) -> list[tuple[Tensor, Tensor]]:
    """Solve samples of devices, some tiles at a time: what a read of each needs, and the matrix that it stands for.

    The matrix is in shares of w_max and has the shape and the layout of `matrix`. A read needs the conductances
    themselves where the array says so, and where a matrix says everything. `look(k, block, W)` is shown what the arrays
    of sample k multiply by.
    """
    array, wires, tile = crossbar.array, crossbar.wires, (crossbar.tile[0], crossbar.weight_cols)
    kept_once = crossbar.is_matrix or array.reads_conductances(wires)
    responses = [Whole(tuple(g.shape[:-2])) for g in there]
    made = [Whole(tuple(matrix.shape), like=matrix) for _ in there]
    for block in tile_blocks(matrix, crossbar, samples=len(there)):
        here = torch.stack([g[(slice(None), *block.tiles)] for g in there])
        answers = array.program(here, wires)
        multiplies_by = answers if array.linear else through_wires(here, wires)
        place = block.weights(tile)
        shape = matrix[place].shape
        for k in range(len(there)):
            if not kept_once:
                own = answers[k].clone() if len(there) > 1 else answers[k]  # keeping one does not keep all
                responses[k].put(own, (slice(None), *block.tiles))
            made[k].put(decode(multiplies_by[k], crossbar, (shape[1], shape[2])), place)
            look(k, block, multiplies_by[k])
    read = there if kept_once else [whole.tensor for whole in responses]
    return [(response, whole.tensor) for response, whole in zip(read, made, strict=True)]


def _read_out(
    there: Tensor, response: Tensor, made: Tensor, factors: Tensor, matrix: Tensor, largest: Tensor,
    crossbar: Crossbar, measured: Tensor | None,
) -> Programmed:  # fmt: skip
    """One sample as the digital side sees it: the matrix it stands for, its gain and its NF."""
    made = _in_weights(made, largest)
    gain = crossbar.gain.solve(made if measured is None else _in_weights(measured, largest), matrix)
    return Programmed(there, response, times(gain, made), gain, largest, torch.nanmean(factors).double())


def _in_weights(made: Tensor, largest: Tensor) -> Tensor:
    """Shares of w_max in weights; a layer of zeros makes nothing, and learns as it would near zero."""
    return times(largest, made) if largest > 0 else made - made.detach()


def times(factor: Tensor, matrix: Tensor) -> Tensor:
    """The product, in the memory of the matrix where no derivative passes through it."""
    tracked = torch.is_grad_enabled() and (matrix.requires_grad or factor.requires_grad)
    return factor * matrix if tracked else matrix.mul_(factor)


def read_noise(conductances: Tensor, crossbar: Crossbar, *, generator: torch.Generator) -> Tensor:
    """The conductances during one read: programmed ones after everything that is drawn anew each time."""
    entries = [entry for entry in crossbar.nonidealities if entry.fresh]
    overwrite = bool(entries) and conductances.numel() > MOST and not conductances.requires_grad
    there = conductances.clone() if overwrite else conductances
    for entry in entries:
        there = apply_to_devices(entry, there, crossbar.device, generator=generator, overwrite=overwrite)
    return there


def decode(multiplies_by: Tensor, crossbar: Crossbar, shape: tuple[int, int]) -> Tensor:
    """Effective conductances of all arrays -> the matrix `(groups, *shape)` they stand for, in shares of w_max."""
    encoding, slicing = crossbar.encoding, crossbar.slicing
    merged = slicing.merge(multiplies_by / crossbar.window_siemens, encoding.sign_bits)
    return join(encoding.difference(merged, slicing.middle), shape)


def _nf_of(
    wanted: Tensor, made: Tensor, block: Block, matrix_shape: Sequence[int], crossbar: Crossbar
) -> Tensor:
    """NF of each array of a block; pad rows carry no voltage, pad columns are not read."""
    rows, cols = crossbar.tile
    volts = probe_volts(-(-matrix_shape[1] // rows) * rows)
    volts[:, matrix_shape[1] :] = 0
    volts = volts[:, block.down.start * rows : block.down.stop * rows]
    volts = volts.unflatten(1, (len(block.down), 1, rows)).movedim(0, -2).to(wanted)  # (row_tiles, 1, inputs, rows)
    col = torch.arange(cols, device=wanted.device)
    first = torch.arange(block.across.start, block.across.stop, device=wanted.device)[:, None, None]
    read = (first * crossbar.weight_cols + col < matrix_shape[2]) | (col >= crossbar.weight_cols)
    return nonideality_factor(wanted.where(read, torch.nan), made, volts)

