"""The path of a pass through a mapped layer, chosen once for its crossbar."""

from __future__ import annotations

import abc
from typing import NamedTuple, final

import torch
from torch import Tensor
from torch.jit import is_tracing  # type: ignore[attr-defined]

from ...mapping import Crossbar, ProgrammedMatrix
from ...transforms import no_compile, under_vmap
from ..layers.product import AbstractProduct
from .conversions import (
    AbstractConversion,
    ConvertedColumns,
    NoConverters,
    ObservedInputs,
    ReadableLayer,
    RoundedInputs,
)
from .noise_stream import during_one_read, first_read
from .output_noise import NoiseDraws
from .read_plain import Observer


class CalibrationObserver(NamedTuple):
    """Callbacks used during calibration.

    `inputs` is shown each input batch, which then bypasses the converters; `outputs` is shown the
    column sums in place of the ADC.
    """

    inputs: Observer | None = None
    outputs: Observer | None = None


NOT_OBSERVED = CalibrationObserver()


class AbstractReadPath(abc.ABC):
    """The way from a layer's inputs to its outputs."""

    @abc.abstractmethod
    def __call__(self, x: Tensor, product: AbstractProduct, layer: ReadableLayer) -> Tensor:
        """Return the outputs of a layer for the inputs x."""


@final
class MatrixPath(AbstractReadPath):
    """Ohmic arrays without converters and read noise: the product with the effective weight."""

    def __call__(self, x: Tensor, product: AbstractProduct, layer: ReadableLayer) -> Tensor:
        return product(x, layer.effective_weight, layer.bias)


@final
class ArrayPath(AbstractReadPath):
    """Arrays that are read, or programmed, at every pass; `conversion` computes with them."""

    def __init__(self, crossbar: Crossbar, conversion: AbstractConversion) -> None:
        self.conversion, self.crossbar = conversion, crossbar

    def __call__(self, x: Tensor, product: AbstractProduct, layer: ReadableLayer) -> Tensor:
        _require_no_graph(layer.kind)
        return self._run(x, product, layer)

    @no_compile
    def _run(self, x: Tensor, product: AbstractProduct, layer: ReadableLayer) -> Tensor:
        state = layer.arrays_state()
        if product.is_batched(x):
            return self._read(x, product, state, layer)
        return self._read(x[None], product, state, layer)[0]

    def _read(
        self, x: Tensor, product: AbstractProduct, state: ProgrammedMatrix, layer: ReadableLayer
    ) -> Tensor:
        rows = product.driven_rows(x)
        if rows != state.weight.shape[-2]:  # rows without a voltage would carry currents too
            raise ValueError(
                f"`x` of shape {tuple(x.shape)} drives {rows} rows of a layer of "
                f"{state.weight.shape[-2]}; pass activations of the layer's own width, samples "
                "first"
            )
        noise, generator = self.crossbar.output_noise, first_read(layer.stream_seed)
        if self.crossbar.stochastic:
            require_one_chip(state.conductances)
            generator = layer.noise.next()
        draws = None
        if noise.per_read:
            draws = NoiseDraws(generator.initial_seed())
        elif noise.sigma:
            of_sample = product.vector_count(x) // max(1, len(x))
            draws = NoiseDraws(first_read(layer.stream_seed).initial_seed(), max(1, of_sample))
        if self.crossbar.noisy_devices:
            state = during_one_read(state, self.crossbar, generator)
        return self.conversion(x, product, state, layer, draws)


def choose_read_path(
    crossbar: Crossbar, *, reprogrammed: bool, observer: CalibrationObserver = NOT_OBSERVED
) -> AbstractReadPath:
    """Choose how a layer on this crossbar computes.

    `reprogrammed`: whether its arrays are programmed anew at each pass.
    """
    if crossbar.is_matrix and not crossbar.stochastic and not reprogrammed:
        return MatrixPath()
    return ArrayPath(crossbar, _conversion(crossbar, observer))


def _conversion(crossbar: Crossbar, observer: CalibrationObserver) -> AbstractConversion:
    if observer.inputs is not None:
        return ObservedInputs(observer.inputs)
    if crossbar.is_matrix:
        return NoConverters()
    exact = crossbar.array.linear and crossbar.adc.ideal and crossbar.slicing.sums_exactly
    if exact and (crossbar.slicing.analog or not crossbar.output_noise.sigma):
        return RoundedInputs(crossbar)
    return ConvertedColumns(crossbar, observer.outputs)


def _require_no_graph(kind: str) -> None:
    """Refuse export and tracing: a graph of torch's operations reads no arrays, draws no noise."""
    if torch.compiler.is_exporting() or is_tracing():
        raise ValueError(
            f"`chip` layer of kind {kind} cannot be exported or traced: its arrays are read, or "
            "programmed, at every pass, which no graph can hold; export a chip without converters, "
            "slices, read noise and curved devices, mapped without trainable=True"
        )


def require_one_chip(conductances: Tensor) -> None:
    """Refuse to draw for several chips at once: the stream of each is in no tensor."""
    if under_vmap(conductances):
        raise ValueError(
            "`vmap` over chips with read noise, or that program themselves at each pass, would "
            "give all of them the random numbers of one; call them one after another"
        )
