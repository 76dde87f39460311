"""One read of a layer's arrays: digital inputs, voltages, currents, codes, and their sum."""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor

from ...mapping import Crossbar, ProgrammedMatrix
from ...mapping.full_scale import adc_limit
from ...transforms import concrete, needs_derivative, under_vmap
from ..layers.product import AbstractProduct
from . import read_curved, read_fast
from .read_fast_gradient import differentiable_read
from .read_plain import ConverterRanges, off_share, read_plain
from .tally import Tally


def read(
    x: Tensor, product: AbstractProduct, crossbar: Crossbar, state: ProgrammedMatrix,
    ranges: ConverterRanges, outputs: int, tally: Tally,
) -> Tensor:  # fmt: skip
    """Compute the outputs of a layer, without bias, for its inputs x.

        u = DAC(x / range)   v = read_volt * stream(u)   a = I(v) / (read_volt (g_on - g_off))
        c = ADC((a + noise) / range)
        y = range * gain * w_max * sum over streams, slices and row tiles of
            significance * decode(c)

    Every tile column is converted before anything is added. Derivatives are those of the array, of
    the converters as they declare, and straight through the digits of streams. `outputs`: columns
    that hold weights, per group.
    """
    scaled = ranges.noise is not None  # noise, unlike products, scales with the range of the inputs
    dac = crossbar.dac
    limit = (dac.differentiable_input_limit if scaled else dac.input_limit)(x, ranges.inputs)
    u = crossbar.dac.convert(x / limit)
    sums = _column_sums(u, product, crossbar, state.response, ranges, outputs, tally)
    y = crossbar.slicing.accumulate(sums).to(u.dtype)
    scale = state.w_max * state.gain
    if scale.numel() == 1:
        maps, scale = product.from_vectors(y, x).contiguous(), limit * scale.view(())
    else:
        maps, scale = product.from_vectors(y * scale, x).contiguous(), limit
    return maps * scale if needs_derivative(maps, scale) else maps.mul_(scale)


def _column_sums(
    u: Tensor, product: AbstractProduct, crossbar: Crossbar, response: Tensor,
    ranges: ConverterRanges, outputs: int, tally: Tally,
) -> Tensor:  # fmt: skip
    """Compute column sums `(groups, n, outputs)` in shares, by the kernel where it applies."""

    def plain(vectors: Tensor, arrays: Tensor, counted: Tally) -> Tensor:
        return read_plain(vectors, crossbar, arrays, ranges, outputs, counted)[..., :outputs]

    plainly = ranges.observe is not None or ranges.noise is not None
    fast = not plainly and read_fast.applies(crossbar, response, u)
    if fast and not under_vmap(ranges.outputs):
        least, most = (float(end) for end in concrete(u).aminmax())
        if math.isfinite(least) and math.isfinite(most):
            limit = float(adc_limit(crossbar, ranges.outputs))
            return differentiable_read(
                u,
                read_fast.FastRead(
                    product, crossbar, response, outputs, limit=limit, off=off_share(crossbar),
                    negative=least < 0, within=max(-least, most) <= 1, count=tally.add,
                    plain=partial(plain, counted=Tally()),
                ),
            )  # fmt: skip
    vectors = product.to_vectors(u)
    if read_curved.applies(crossbar, response, u, ranges):
        return read_curved.read_curved(vectors, crossbar, response, ranges, outputs, tally)
    return plain(vectors, response, tally)
