"""Reads of arrays in plain torch, on any device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ...devices.converter_kernel import digitise_
from ...mapping import Crossbar
from ...mapping.cells import array_shape, arrays_per_converter
from ...mapping.full_scale import adc_limit
from ...transforms import concrete, needs_derivative, under_transform
from .output_noise import NoiseDraws, add_at_columns
from .tally import Tally

# Column sums held at once; a larger read goes chunk by chunk of its vectors. On a CPU a chunk of
# ohmic arrays stays in the cache; curved arrays split their samples further themselves.
_CHUNK_IN_CACHE = 1 << 19
_CHUNK = 1 << 22

Observer = Callable[[Tensor], None]


@dataclass(frozen=True, eq=False)
class ConverterRanges:
    """Full scales that `calibrate` measured, NaN before, and the output noise of a pass.

    `observe`: is shown the column sums, which then bypass noise and ADC, while a chip is
    calibrated.
    """

    inputs: Tensor
    outputs: Tensor
    observe: Observer | None = None
    noise: NoiseDraws | None = None


def read_plain(
    vectors: Tensor, crossbar: Crossbar, response: Tensor, ranges: ConverterRanges, outputs: int,
    tally: Tally,
) -> Tensor:  # fmt: skip
    """Multiply vectors `(groups, n, K)` in [-1, 1] by arrays.

    Returns column sums `(groups, n, columns)` in shares of the window. `outputs`: columns that hold
    weights, per group.
    """
    array, unobserved = crossbar.array, ranges.observe is None
    if array.independent_columns and not array.linear and unobserved:
        response = _without_pads(response, outputs)
    cached = vectors.device.type == "cpu" and array.linear and unobserved
    converters = response[..., 0, :].numel() // arrays_per_converter(crossbar)
    chunks = vectors.split(max(1, (_CHUNK_IN_CACHE if cached else _CHUNK) // converters), 1)
    learning = torch.is_grad_enabled() and (vectors.requires_grad or response.requires_grad)
    # torch.func knows no checkpoints
    again = learning and len(chunks) > 1 and not under_transform()
    respond = _array_response(crossbar, response)
    sums = []
    start = 0
    for chunk in chunks:
        arguments = (chunk, respond, crossbar, ranges, response.shape[2], start)
        if again:
            of_chunk, saturated = checkpoint(
                _read_chunk, *arguments, use_reentrant=False, preserve_rng_state=False
            )
        else:
            of_chunk, saturated = _read_chunk(*arguments)
        sums.append(of_chunk)
        start += chunk.shape[1]
        over = concrete(saturated[0])
        made = saturated[1] * chunk.shape[1] * converters * over.numel()
        tally.add(made, int(over.sum()))
    return sums[0] if len(sums) == 1 else torch.cat(sums, 1)


def _without_pads(response: Tensor, outputs: int) -> Tensor:
    """Lay `(..., col_tiles, height, cols)` out as one column tile `(..., 1, height, outputs)`.

    All column tiles see the same voltages, and the currents of pads are discarded: a read that
    costs something for every column asks for those with weights alone.
    """
    return response.transpose(-3, -2).flatten(-2)[..., :outputs].unsqueeze(-3)


def _array_response(crossbar: Crossbar, response: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the map from shares of the read voltage `(groups, row_tiles, n, rows)` to currents.

    Currents are in shares, too.
    """
    volt, window, off = crossbar.read_volt, crossbar.window_siemens, off_share(crossbar)
    arrays, groups, row_tiles, col_tiles, rows, cols = response.shape
    if crossbar.array.linear:  # one product for all arrays that see the same voltages
        columns = response.permute(1, 2, 4, 0, 3, 5).reshape(groups * row_tiles, rows, -1)
        matrix = columns / window - off

        def linear(share: Tensor) -> Tensor:
            currents = share.flatten(0, 1) @ matrix
            tiles = currents.view(groups, row_tiles, -1, arrays, col_tiles, cols)
            return tiles.permute(3, 0, 1, 4, 2, 5)

        return linear

    def curved(share: Tensor) -> Tensor:
        volts = (volt * share)[None, :, :, None]
        currents = crossbar.array.currents(volts, response, crossbar.wires)
        scale = volt * window
        shares = currents / scale if needs_derivative(currents) else currents.div_(scale)
        return shares - off * share.sum(-1)[None, :, :, None, :, None] if off else shares

    return curved


def off_share(crossbar: Crossbar) -> float:
    """Return the off current, for each unit of voltage in shares, that an ADC does not see."""
    if not crossbar.adc.less_off_current:
        return 0.0
    return crossbar.device.g_off_siemens / crossbar.window_siemens


def _read_chunk(
    vectors: Tensor, respond: Callable[[Tensor], Tensor], crossbar: Crossbar,
    ranges: ConverterRanges, row_tiles: int, start: int,
) -> tuple[Tensor, tuple[Tensor, int]]:  # fmt: skip
    """Compute column sums `(groups, n, columns)` in shares; `start`: place of the first vector.

    Returned with them: conversions that saturated, and reads of each converter.
    """
    slicing, encoding, rows = crossbar.slicing, crossbar.encoding, crossbar.tile[0]
    tiles = functional.pad(vectors, (0, row_tiles * rows - vectors.shape[-1]))
    tiles = tiles.unflatten(-1, (row_tiles, rows)).transpose(1, 2)  # (groups, row_tiles, n, rows)
    total, saturated, reads = vectors.new_zeros(()), vectors.new_zeros((), dtype=torch.int64), 0
    noisy = ranges.noise is not None  # a read at zero volts is noise, and not left out
    for stream, (significance, share) in enumerate(slicing.streams(tiles, both_signs=noisy)):
        currents = merge_currents(respond(share), crossbar)
        if ranges.noise is not None and ranges.observe is None:
            place = start, stream
            currents = add_at_columns(currents, crossbar, ranges.outputs, ranges.noise, place)
        codes, unit, over = _convert(currents, crossbar, ranges)
        saturated, reads = saturated + over, reads + (not crossbar.adc.ideal)
        merged = codes.sum(2)
        if not slicing.shares_columns:
            merged = slicing.combine_digits(merged, encoding.sign_bits)
        differences = merged[0]
        if not encoding.subtracts_currents:
            differences = encoding.difference(merged, slicing.zero_share)
        total = total + (significance * unit) * differences  # (groups, col_tiles, n, cols)
    return total.transpose(1, 2).flatten(2), (saturated, reads)


def merge_currents(currents: Tensor, crossbar: Crossbar) -> Tensor:
    """Add and subtract the currents `(slices * signs, ...)` that share a converter."""
    slicing, encoding = crossbar.slicing, crossbar.encoding
    if slicing.shares_columns:
        currents = slicing.combine_digits(currents, encoding.sign_bits)
    if encoding.subtracts_currents:
        of_sign = currents.unflatten(0, (-1, array_shape(crossbar)[1])).movedim(1, 0)
        currents = encoding.difference(of_sign, slicing.zero_share)
    return currents


def _convert(
    sums: Tensor, crossbar: Crossbar, ranges: ConverterRanges
) -> tuple[Tensor, Tensor | float, Tensor | int]:
    """Convert every tile column: shares of full scale, full scale, and how many clipped."""
    adc = crossbar.adc
    if adc.ideal:
        return adc.convert(sums), 1.0, 0
    if ranges.observe is not None:
        ranges.observe(sums)
        return sums, 1.0, 0
    limit = adc_limit(crossbar, ranges.outputs)
    keep = torch.is_grad_enabled() or needs_derivative(sums)
    clipped = None if keep else digitise_(sums, float(limit), adc.lower_bound, adc.steps)
    if clipped is not None:
        return sums, limit, clipped
    shares = sums / limit
    half = 0.5 / adc.steps  # a share that rounds to a code is in range
    over = ((shares >= 1 + half) | (shares < adc.lower_bound - half)).sum()
    return adc.convert(shares), limit, over
