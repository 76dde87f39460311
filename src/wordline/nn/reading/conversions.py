"""Ways from inputs to outputs of programmed arrays: one for each kind of converters."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, final

import torch
from torch import Tensor

from ...mapping import Crossbar, ProgrammedMatrix
from ..layers.product import AbstractProduct
from .input_checks import require_finite
from .noise_stream import NoiseStream
from .output_noise import NoiseDraws, noise_at_outputs
from .read import read
from .read_plain import ConverterRanges, Observer
from .tally import Tally


class ReadableLayer(Protocol):
    """A mapped layer as a read sees it."""

    kind: str
    stream_seed: int
    bias: torch.nn.Parameter | None
    effective_weight: Tensor
    input_limit: Tensor
    output_limit: Tensor
    tally: Tally
    noise: NoiseStream

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C)."""

    def arrays_state(self) -> ProgrammedMatrix:
        """Return the arrays that a pass reads."""


class AbstractConversion(abc.ABC):
    """Computes a layer's outputs from a batch of inputs and the state of its arrays."""

    @abc.abstractmethod
    def __call__(
        self, x: Tensor, product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer,
        noise: NoiseDraws | None = None,
    ) -> Tensor:  # fmt: skip
        """Return the outputs, in the type of the layer; `noise`: output noise of this pass."""


@final
class NoConverters(AbstractConversion):
    """The product with the effective weight."""

    def __call__(
        self, x: Tensor, product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer,
        noise: NoiseDraws | None = None,
    ) -> Tensor:  # fmt: skip
        weight = _effective_weight(product, state, layer)
        return product(x, weight.to(layer.effective_weight.dtype), layer.bias)


@final
@dataclass(frozen=True)
class ObservedInputs(AbstractConversion):
    """The product with the effective weight, after `observe` was shown the inputs."""

    observe: Callable[[Tensor], None]

    def __call__(
        self, x: Tensor, product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer,
        noise: NoiseDraws | None = None,
    ) -> Tensor:  # fmt: skip
        self.observe(x)
        return NoConverters()(x, product, state, layer)


@final
@dataclass(frozen=True)
class RoundedInputs(AbstractConversion):
    """The product of inputs rounded by DACs and streams: column sums are exact, or noisy."""

    crossbar: Crossbar

    def __call__(
        self, x: Tensor, product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer,
        noise: NoiseDraws | None = None,
    ) -> Tensor:  # fmt: skip
        dac, slicing = self.crossbar.dac, self.crossbar.slicing
        with _device_precision(x, state) as wide:
            limit = dac.input_limit(wide, layer.input_limit)
            rounded = wide
            if not (dac.ideal and slicing.analog):
                rounded = slicing.round_inputs(dac.convert(wide / limit)) * limit
            weight = _effective_weight(product, state, layer).to(wide.dtype)
            y = product(rounded, weight, _bias(layer, wide))
            if noise is not None:
                limit = dac.differentiable_input_limit(wide, layer.input_limit)
                outputs = layer.matrix_shape[2]
                y = y + limit * noise_at_outputs(
                    wide, product, self.crossbar, state, outputs, noise
                )
        return y.to(layer.effective_weight.dtype)


@final
@dataclass(frozen=True)
class ConvertedColumns(AbstractConversion):
    """A read of the arrays with a converter behind every column, or with curved devices.

    `observe`: is shown the column sums in place of the ADC while a chip is calibrated.
    """

    crossbar: Crossbar
    observe: Observer | None = None

    def __call__(
        self, x: Tensor, product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer,
        noise: NoiseDraws | None = None,
    ) -> Tensor:  # fmt: skip
        ranges = ConverterRanges(layer.input_limit, layer.output_limit, self.observe, noise)
        outputs = layer.matrix_shape[2]
        with _device_precision(x, state) as wide:
            y = read(wide, product, self.crossbar, state, ranges, outputs, layer.tally)
            y = product.add_bias(y, _bias(layer, wide))
        return y.to(layer.effective_weight.dtype)


@contextmanager
def _device_precision(x: Tensor, state: ProgrammedMatrix) -> Iterator[Tensor]:
    """Convert inputs to the type of the devices; autocast must not round before converters."""
    with torch.autocast(x.device.type, enabled=False):
        wide = x.to(state.gain.dtype)
        require_finite(wide)
        yield wide


def _effective_weight(
    product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer
) -> Tensor:
    shape = tuple(layer.effective_weight.shape)
    return product.to_weight(state.weight, shape).contiguous()


def _bias(layer: ReadableLayer, like: Tensor) -> Tensor | None:
    return None if layer.bias is None else layer.bias.to(like.dtype)
