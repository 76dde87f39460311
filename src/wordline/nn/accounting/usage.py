"""Costs of one inference on a chip: vectors, conversions, reads of cells."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...hooks import forward_pre_hooks
from ...mapping.cells import arrays_per_converter
from ...values import Value
from ..abstract_mapped_layer import AbstractMappedLayer


@dataclass(frozen=True)
class Usage(Value):
    """Costs of one inference in a layer; all zero where nothing was counted.

    `vectors`: input vectors, one a position of a convolution or a token; `reads`: voltage patterns
    on the word lines, more than one a vector where inputs are streamed; `conversions`: by ADCs, one
    a read and column of every tile, pads included; `cell_reads`: devices that a read drives a
    current through, pads included.
    """

    vectors: float = 0.0
    reads: float = 0.0
    conversions: float = 0.0
    cell_reads: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.vectors + other.vectors,
            self.reads + other.reads,
            self.conversions + other.conversions,
            self.cell_reads + other.cell_reads,
        )


def usage_of(layer: AbstractMappedLayer, x: Tensor, samples: int) -> Usage:
    """Count the costs of one pass of these activations through a layer, for each of the samples."""
    crossbar, batch = layer.crossbar, x if layer.product.is_batched(x) else x[None]
    vectors = layer.product.vector_count(batch) / samples
    u, dac, noisy = batch, crossbar.dac, crossbar.output_noise.sigma > 0
    if not dac.ideal:
        u = dac.convert(batch / dac.input_limit(batch, getattr(layer, "input_limit", batch)))
    reads = vectors * sum(1 for _ in crossbar.slicing.streams(u, both_signs=noisy))
    cells = math.prod(layer.cells_shape)
    converted = cells // crossbar.tile[0] // arrays_per_converter(crossbar)
    columns = 0 if crossbar.adc.ideal else converted
    return Usage(vectors, reads, reads * columns, reads * cells)


@contextmanager
def unchanged_evaluation(
    root: nn.Module, layers: Mapping[str, AbstractMappedLayer]
) -> Iterator[None]:
    """Run passes in evaluation mode without gradients, and restore the network afterwards."""
    modes = {module: module.training for module in root.modules()}
    before = {name: (layer.tally, layer.noise) for name, layer in layers.items()}
    try:
        root.eval()
        for layer in layers.values():
            layer.tally, layer.noise = copy.copy(layer.tally), copy.copy(layer.noise)
        with torch.no_grad():
            yield
    finally:
        for name, layer in layers.items():
            layer.tally, layer.noise = before[name]
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def count_usage(
    layers: Mapping[str, AbstractMappedLayer], samples: int
) -> Iterator[dict[str, Usage]]:
    """Count the costs of passes, layer by layer."""
    counts = dict.fromkeys(layers, Usage())

    def count(
        name: str, _: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        x = arguments[0] if arguments else keywords["input"]
        counts[name] += usage_of(layers[name], x, samples)

    with forward_pre_hooks(layers, count):
        yield counts
