"""One read of a layer's arrays: digital inputs, volts, amperes, codes, and the sum of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ..devices.converter_kernel import digitise_
from ..mapping import Crossbar, ProgrammedMatrix
from ..transforms import concrete, needs_derivative, under_transform, under_vmap
from . import kernel_reading
from .kernel_derivatives import read_by_kernel
from .product import AbstractProduct

# Partial products held at once; a read of more goes chunk by chunk of its vectors. On a CPU a chunk stays in the cache.
_HELD = {"cpu": 1 << 19}
_HELD_ELSEWHERE = 1 << 22
_HELD_CURVED = 1 << 22  # a curved array goes through its samples in parts of its own


@dataclass(frozen=True, eq=False)
class Limits:
    """Full scales that `calibrate` measured, NaN before; `watch` sees answers in place of the ADC while it does."""

    inputs: Tensor
    outputs: Tensor
    watch: Callable[[Tensor], None] | None = None


class Tally:
    """How many conversions an ADC made since the layer was programmed, and how many of them saturated."""

    def __init__(self, conversions: int = 0, saturated: int = 0) -> None:
        self.conversions, self.saturated = conversions, saturated

    @property
    def saturation(self) -> float:
        """Share of conversions that were out of range; NaN before the first."""
        return self.saturated / self.conversions if self.conversions else math.nan

    def add(self, conversions: int, saturated: int) -> None:
        """Count one more read; one that is computed again for a gradient is not another."""
        if torch._C._current_graph_task_id() != -1:
            return
        self.conversions += conversions
        self.saturated += saturated


def read(
    x: Tensor, product: AbstractProduct, crossbar: Crossbar, state: ProgrammedMatrix, limits: Limits, outputs: int,
    tally: Tally,
) -> Tensor:  # fmt: skip
    """Inputs x of a layer -> its outputs without bias.

        u = DAC(x / range)   v = read_volt * stream(u)   a = I(v) / (read_volt (g_on - g_off))   c = ADC(a / range)
        y = range * gain * w_max * sum over streams, slices and row tiles of significance * decode(c)

    Every tile column is converted before anything is added. Derivatives are those of the array, of the converters as
    they declare, and straight through the digits of streams. `outputs`: columns that hold weights, per group.
    """
    limit = crossbar.dac.input_limit(x, limits.inputs)
    u = crossbar.dac.convert(x / limit)
    answers = _answered(u, product, crossbar, state.response, limits, outputs, tally)
    y = crossbar.slicing.accumulate(answers)
    scale = state.w_max * state.gain
    if scale.numel() == 1:
        return product.fold(y, x).contiguous() * (limit * scale.view(()))
    return product.fold(y * scale, x).contiguous() * limit


def _answered(
    u: Tensor, product: AbstractProduct, crossbar: Crossbar, response: Tensor, limits: Limits, outputs: int,
    tally: Tally,
) -> Tensor:  # fmt: skip
    """Inputs in [-1, 1] -> sums of products `(groups, n, outputs)` in shares, by the kernel where there is one."""

    def generic(vectors: Tensor, there: Tensor, counted: Tally) -> Tensor:
        return _generic(vectors, crossbar, there, limits, outputs, counted)[..., :outputs]

    if limits.watch is None and kernel_reading.applies(crossbar, response, u) and not under_vmap(limits.outputs):
        least, most = (float(end) for end in concrete(u).aminmax())
        if math.isfinite(least) and math.isfinite(most):
            limit, off = float(adc_limit(crossbar, limits.outputs)), _off_share(crossbar)
            again = partial(generic, counted=Tally())  # which nobody asks
            return read_by_kernel(
                u,
                kernel_reading.KernelRead(
                    product, crossbar, response, limit, off, outputs, least < 0, tally.add, again
                ),
            )
    return generic(product.unroll(u), response, tally)


def _generic(
    vectors: Tensor, crossbar: Crossbar, response: Tensor, limits: Limits, outputs: int, tally: Tally
) -> Tensor:
    """Vectors `(groups, n, K)` in [-1, 1] -> sums of products `(groups, n, columns)` in shares, on any device."""
    if crossbar.array.independent_columns and not crossbar.array.linear and limits.watch is None:
        response = _without_pads(response, outputs)
    held = _HELD.get(vectors.device.type, _HELD_ELSEWHERE) if limits.watch is None else _HELD_ELSEWHERE
    held = held if crossbar.array.linear else _HELD_CURVED
    converters = response[..., 0, :].numel()
    size = max(1, held // converters)
    chunks = vectors.split(size, 1)
    differentiable = torch.is_grad_enabled() and (vectors.requires_grad or response.requires_grad)
    again = differentiable and len(chunks) > 1 and not under_transform()  # torch.func knows no checkpoints
    respond = _responding(crossbar, response)
    parts = []
    for chunk in chunks:
        arguments = (chunk, respond, crossbar, limits, response.shape[2])
        if again:
            part, saturated = checkpoint(_answers, *arguments, use_reentrant=False, preserve_rng_state=False)
        else:
            part, saturated = _answers(*arguments)
        parts.append(part)
        over = concrete(saturated[0])
        tally.add(saturated[1] * chunk.shape[1] * converters * over.numel(), int(over.sum()))
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _without_pads(response: Tensor, outputs: int) -> Tensor:
    """Arrays `(..., col_tiles, height, cols)` -> one column tile `(..., 1, height, outputs)`: they see the same volts.

    What a pad answers is discarded, so a read that costs something for every column asks for those with weights.
    """
    return response.transpose(-3, -2).flatten(-2)[..., :outputs].unsqueeze(-3)


def _responding(crossbar: Crossbar, response: Tensor) -> Callable[[Tensor], Tensor]:
    """Shares of the read voltage `(groups, row_tiles, n, rows)` -> answers in shares, as the ADC is to see them."""
    volt, window, off = crossbar.read_volt, crossbar.window_siemens, _off_share(crossbar)
    arrays, groups, row_tiles, col_tiles, rows, cols = response.shape
    if crossbar.array.linear:  # one product for all arrays that see the same voltages
        matrix = response.permute(1, 2, 4, 0, 3, 5).reshape(groups * row_tiles, rows, -1) / window - off

        def linear(share: Tensor) -> Tensor:
            answers = share.flatten(0, 1) @ matrix
            return answers.view(groups, row_tiles, -1, arrays, col_tiles, cols).permute(3, 0, 1, 4, 2, 5)

        return linear

    def curved(share: Tensor) -> Tensor:
        volts = (volt * share)[None, :, :, None]
        answers = crossbar.array.currents(volts, response, crossbar.wires)
        answers = answers / (volt * window) if needs_derivative(answers) else answers.div_(volt * window)
        return answers - off * share.sum(-1)[None, :, :, None, :, None] if off else answers

    return curved


def _off_share(crossbar: Crossbar) -> float:
    """What an ADC that is spared the off current does not see, for each unit of voltage, in shares."""
    return crossbar.device.g_off_siemens / crossbar.window_siemens if crossbar.adc.less_off_current else 0.0


def _answers(
    vectors: Tensor, respond: Callable[[Tensor], Tensor], crossbar: Crossbar, limits: Limits, row_tiles: int
) -> tuple[Tensor, tuple[Tensor, int]]:
    """Vectors `(groups, n, K)` in [-1, 1] -> sums of products `(groups, n, columns)` in shares; codes saturated,
    and how often a converter converted."""
    slicing, encoding, rows = crossbar.slicing, crossbar.encoding, crossbar.tile[0]
    tiles = functional.pad(vectors, (0, row_tiles * rows - vectors.shape[-1]))
    tiles = tiles.unflatten(-1, (row_tiles, rows)).transpose(1, 2)  # (groups, row_tiles, n, rows)
    total, saturated, reads = vectors.new_zeros(()), vectors.new_zeros((), dtype=torch.int64), 0
    for significance, share in slicing.streams(tiles):
        answers = respond(share)
        codes, unit, over = _convert(answers, crossbar, limits)
        saturated, reads = saturated + over, reads + (not crossbar.adc.ideal)
        differences = encoding.difference(slicing.combine_digits(codes.sum(2), encoding.sign_bits), slicing.zero_share)
        total = total + (significance * unit) * differences  # (groups, col_tiles, n, cols)
    return total.transpose(1, 2).flatten(2), (saturated, reads)


def _convert(answers: Tensor, crossbar: Crossbar, limits: Limits) -> tuple[Tensor, Tensor | float, Tensor | int]:
    """Every tile column through its ADC: shares of full scale, full scale, and how many were out of range."""
    adc = crossbar.adc
    if adc.ideal:
        return adc.convert(answers), 1.0, 0
    if limits.watch is not None:
        limits.watch(answers)
        return answers, 1.0, 0
    limit = adc_limit(crossbar, limits.outputs)
    watched = torch.is_grad_enabled() or needs_derivative(answers)
    found = None if watched else digitise_(answers, float(limit), adc.lower_bound, adc.steps)
    if found is not None:
        return answers, limit, found
    shares = answers / limit
    half = 0.5 / adc.steps  # what rounds to a code is in range
    over = ((shares >= 1 + half) | (shares < adc.lower_bound - half)).sum()
    return adc.convert(shares), limit, over


def adc_limit(crossbar: Crossbar, seen: Tensor) -> Tensor | float:
    """Full scale of the ADC in shares; `seen` is what `calibrate` measured."""
    adc, device, window = crossbar.adc, crossbar.device, crossbar.window_siemens
    largest = crossbar.tile[0] * (1.0 if adc.less_off_current else device.g_on_siemens / window)
    finest = crossbar.slicing.product_step * adc.steps
    return adc.output_limit(largest, finest, 1 / (crossbar.read_volt * window), seen)
