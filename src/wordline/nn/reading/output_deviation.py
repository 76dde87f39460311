"""The standard deviation of output noise in the outputs of a layer."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ...devices import SampleMax
from ...mapping import Crossbar
from ...mapping.full_scale import output_noise_shares


class ProgrammedLayer(Protocol):
    """A mapped layer, as far as its noise depends on it."""

    crossbar: Crossbar
    gain: Tensor
    w_max: Tensor
    input_limit: Tensor
    output_limit: Tensor
    cells_shape: tuple[int, ...]

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C)."""


def output_deviation(layer: ProgrammedLayer, x: Tensor | None) -> Tensor:
    """Return the standard deviation of output noise in each of a layer's columns.

        s = s_shares * w_max * gain * range

    In the unit of the layer's outputs, `(groups * C,)`: of the exact sum that the converters see in
    parts, before they round it. s_shares: `mapping.full_scale.output_noise_shares`. Where the range
    is that of each sample (`SampleMax`) it depends on the inputs: pass a batch x, and get
    `(samples, groups * C)`; ValueError without one. The columns are independent, but for the
    reference that an `OffsetColumn` tile shares.
    """
    crossbar, (groups, _, outputs) = layer.crossbar, layer.matrix_shape
    if not crossbar.output_noise.sigma:
        none = layer.gain.new_zeros(groups * outputs)
        return none if x is None else none.expand(len(x), -1)
    if x is None and isinstance(crossbar.dac.range, SampleMax):
        raise ValueError(
            "`x` must be a batch of inputs here, for the largest of each sample is full voltage, "
            "and noise counts in shares of it; pass one, or give the crossbar "
            "dac=IdealConverter(range=FixedRange(largest_input))"
        )
    inputs = layer.gain.new_zeros(1) if x is None else x.to(layer.gain.dtype)
    limit = crossbar.dac.input_limit(inputs, layer.input_limit)
    reads = tuple(s for s, _ in crossbar.slicing.streams(layer.gain.flatten(), both_signs=True))
    shares = output_noise_shares(crossbar, layer.output_limit, layer.cells_shape[2], reads)
    columns = (shares * layer.w_max * layer.gain).expand(groups, 1, outputs).flatten()
    std = limit.reshape(-1, 1) * columns
    return std[0] if x is None else std.expand(len(inputs), -1)
