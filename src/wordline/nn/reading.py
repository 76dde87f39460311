"""One read of a layer's arrays: digital inputs, volts, amperes, codes, and the sum of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ..mapping import Crossbar, Programmed
from .product import AbstractProduct

# Partial products held at once; a read of more goes chunk by chunk of its vectors.
_HELD = 1 << 22


@dataclass(frozen=True, eq=False)
class Limits:
    """Full scales that `calibrate` measured, NaN before; `watch` sees answers in place of the ADC while it does."""

    inputs: Tensor
    outputs: Tensor
    watch: Callable[[Tensor], None] | None = None


class Tally:
    """How many conversions an ADC made since the layer was programmed, and how many of them saturated."""

    def __init__(self) -> None:
        self.conversions, self.saturated = 0, 0

    @property
    def saturation(self) -> float:
        """Share of conversions that were out of range; NaN before the first."""
        return self.saturated / self.conversions if self.conversions else math.nan

    def add(self, conversions: int, saturated: int) -> None:
        """Count one more read."""
        self.conversions += conversions
        self.saturated += saturated


def read(
    x: Tensor, product: AbstractProduct, crossbar: Crossbar, state: Programmed, limits: Limits, outputs: int,
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
    vectors = product.unroll(u)
    size = max(1, _HELD // _held_by_one(state.response, crossbar))
    differentiable = torch.is_grad_enabled() and (vectors.requires_grad or state.response.requires_grad)
    parts = []
    for chunk in vectors.split(size, 1):
        arguments = (chunk, state.response, crossbar, limits)
        if differentiable and vectors.shape[1] > size:
            answer, saturated = checkpoint(_answers, *arguments, use_reentrant=False, preserve_rng_state=False)
        else:
            answer, saturated = _answers(*arguments)
        parts.append(answer[..., :outputs])
        tally.add(saturated[1], int(saturated[0]))
    y = crossbar.slicing.accumulate(torch.cat(parts, 1))
    return product.fold(y * (state.largest * state.gain), x) * limit


def _held_by_one(response: Tensor, crossbar: Crossbar) -> int:
    """Partial products of one input vector."""
    return response[..., 0, :].numel()


def _answers(
    vectors: Tensor, response: Tensor, crossbar: Crossbar, limits: Limits
) -> tuple[Tensor, tuple[Tensor, int]]:
    """Vectors `(groups, n, K)` in [-1, 1] -> sums of products `(groups, n, columns)` in shares; codes saturated."""
    slicing, encoding, window = crossbar.slicing, crossbar.encoding, crossbar.window_siemens
    rows, row_tiles = crossbar.tile[0], response.shape[2]
    tiles = functional.pad(vectors, (0, row_tiles * rows - vectors.shape[-1]))
    tiles = tiles.unflatten(-1, (row_tiles, rows)).transpose(1, 2)  # (groups, row_tiles, n, rows)
    total, saturated, conversions = vectors.new_zeros(()), vectors.new_zeros((), dtype=torch.int64), 0
    for significance, share in slicing.streams(tiles):
        volts = (crossbar.read_volt * share)[None, :, :, None]
        answers = crossbar.array.currents(volts, response, crossbar.wires) / (crossbar.read_volt * window)
        converted, over = _convert(answers, share, crossbar, limits)
        saturated, conversions = saturated + over, conversions + (0 if crossbar.adc.ideal else answers.numel())
        differences = encoding.difference(slicing.merge(converted, encoding.sign_bits), slicing.middle)
        total = total + significance * differences.sum(1)  # over row tiles: (groups, col_tiles, n, cols)
    return total.transpose(1, 2).flatten(2), (saturated, conversions)


def _convert(answers: Tensor, share: Tensor, crossbar: Crossbar, limits: Limits) -> tuple[Tensor, Tensor | int]:
    """Every tile column through its ADC; how many were out of range."""
    adc, device, window = crossbar.adc, crossbar.device, crossbar.window_siemens
    if adc.ideal:
        return adc.convert(answers), 0
    off = device.g_off_siemens / window if adc.less_off_current else 0.0
    if off:
        answers = answers - off * share.sum(-1)[None, :, :, None, :, None]
    if limits.watch is not None:
        limits.watch(answers)
        return answers, 0
    largest = crossbar.tile[0] * (1.0 if adc.less_off_current else device.g_on_siemens / window)
    ampere = 1 / (crossbar.read_volt * window)
    finest = crossbar.slicing.product_step * adc.steps
    limit = adc.output_limit(largest, finest, ampere, limits.outputs)
    shares = answers / limit
    with torch.no_grad():
        least = adc.least - 0.5 / adc.steps
        over = ((shares > 1 + 0.5 / adc.steps) | (shares < least)).sum()
    return adc.convert(shares) * limit, over
