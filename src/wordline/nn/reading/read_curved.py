"""Reads of arrays of curved devices by the compiled kernel of their surrogate."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from ...arrays import SurrogateArray
from ...arrays.surrogate import Digits
from ...devices import UniformConverter
from ...mapping import BitSlicing, Crossbar, DifferentialPair
from ...mapping.full_scale import adc_limit
from ...transforms import in_forward_mode, under_transform
from .read_plain import ConverterRanges
from .tally import Tally


def applies(crossbar: Crossbar, response: Tensor, u: Tensor, ranges: ConverterRanges) -> bool:
    """Tell whether the kernel computes a read.

    It takes pairs of sliced arrays in float32 on a CPU behind a uniform ADC, without a derivative
    by the arrays, in reverse mode.
    """
    kinds = (
        type(crossbar.array),
        type(crossbar.slicing),
        type(crossbar.encoding),
        type(crossbar.adc),
    )
    if kinds != (SurrogateArray, BitSlicing, DifferentialPair, UniformConverter):
        return False
    if crossbar.adc.less_off_current or ranges.observe is not None or u.numel() == 0:
        return False
    if ranges.noise is not None or crossbar.encoding.subtracts_currents:
        return False
    if under_transform() or in_forward_mode(u, response):
        return False
    if torch.is_grad_enabled() and response.requires_grad:
        return False
    plain = all(x.device.type == "cpu" and x.dtype == torch.float32 for x in (u, response))
    return plain and 0 < float(adc_limit(crossbar, ranges.outputs)) < math.inf


def read_curved(
    vectors: Tensor, crossbar: Crossbar, response: Tensor, ranges: ConverterRanges, outputs: int,
    tally: Tally,
) -> Tensor:  # fmt: skip
    """Multiply vectors `(groups, n, K)` in [-1, 1] by arrays.

    Returns column sums `(groups, n, outputs)` in shares of the window, whole multiples of a code in
    float64.
    """
    array, encoding, adc = crossbar.array, crossbar.encoding, crossbar.adc
    slicing = cast(BitSlicing, crossbar.slicing)
    slices = slicing.slices(encoding.sign_bits)
    streams = [significance for significance, _ in slicing.streams(vectors.new_zeros(1))]
    limit = float(adc_limit(crossbar, ranges.outputs))
    total, saturated = cast(SurrogateArray, array).convert(
        vectors, response, crossbar.wires,
        digits=Digits(
            levels=2 ** (slicing.input_bits - 1) - 1, bits=slicing.stream_bits, count=len(streams),
            volts=crossbar.read_volt, slice_weights=tuple(s / slices[0] for s in slices),
            ampere=limit * crossbar.read_volt * crossbar.window_siemens, steps=adc.steps,
            below=round(-adc.lower_bound * adc.steps), passes=adc.gradient == "straight-through",
        ),
        outputs=outputs,
    )  # fmt: skip
    passes = len(streams) * (2 if bool((vectors.detach() < 0).any()) else 1)
    arrays, groups, row_tiles = response.shape[:3]
    made = passes * vectors.shape[1] * arrays * groups * row_tiles * outputs
    tally.add(made, saturated)
    unit = slices[0] * streams[0] * limit / adc.steps
    one = encoding.difference(total.new_tensor([1.0, 0.0]), slicing.zero_share)
    return total * (unit * float(one))
