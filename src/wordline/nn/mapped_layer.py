"""A layer whose weight lives on crossbars."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..circuits import effective_conductance
from ..mapping import Crossbar, Programmed, decode, program, read_noise
from .lowering import Product, to_matrix, to_weight
from .reading import Limits, Tally, read


class MappedLayer(nn.Module):
    """A convolution or linear layer programmed onto crossbars: the same product, as the chip computes it.

    Buffers: `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens, the devices as they are;
    `effective_weight`, of the shape of the software weight; `gain`; `nf`. The bias stays digital. Ohmic arrays without
    converters are a matrix: the pass is the software layer's product with the effective weight, and its gradient is
    the hardware's. Converters, slices and curved devices make the pass a read of the arrays, and then the layer keeps
    what a read needs too: `response`, `largest`, and the calibrated `input_limit` and `output_limit`, NaN before.
    """

    conductances: Tensor
    effective_weight: Tensor
    gain: Tensor
    nf: Tensor
    response: Tensor
    largest: Tensor
    input_limit: Tensor
    output_limit: Tensor

    def __init__(
        self, weight: Tensor, bias: Tensor | None, product: Product, crossbar: Crossbar, seed: int, kind: str
    ) -> None:
        super().__init__()
        self.product, self.crossbar, self.stream_seed, self.kind = product, crossbar, seed, kind
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=bias.requires_grad)
        self.tally, self.noise, self.watch = Tally(), NoiseStream(seed), Watch()
        with torch.no_grad():
            programmed = self._program(weight)
        self.register_buffer("conductances", programmed.conductances)
        self.register_buffer("effective_weight", to_weight(programmed.weight, tuple(weight.shape)).contiguous())
        self.register_buffer("gain", programmed.gain)
        self.register_buffer("nf", programmed.nf)
        if crossbar.is_matrix and not crossbar.stochastic:
            return
        self.register_buffer("largest", programmed.largest)
        if not crossbar.is_matrix:
            self.register_buffer("response", programmed.response)
            self.register_buffer("input_limit", programmed.largest.new_tensor(torch.nan))
            self.register_buffer("output_limit", programmed.largest.new_tensor(torch.nan))

    def forward(self, x: Tensor) -> Tensor:
        """The layer's product, as the chip computes it."""
        crossbar = self.crossbar
        if crossbar.is_matrix and not crossbar.stochastic:
            return self.product(x, self.effective_weight, self.bias)
        return self._compute(x, self._state())

    def _state(self) -> Programmed:
        matrix = to_matrix(self.effective_weight, self.product.groups)
        response = self.conductances if self.crossbar.is_matrix else self.response
        return Programmed(self.conductances, response, matrix, self.gain, self.largest, self.nf)

    def _compute(self, x: Tensor, state: Programmed) -> Tensor:
        if not self.product.batched(x):  # before noise is drawn
            return self._compute(x[None], state)[0]
        crossbar = self.crossbar
        if crossbar.stochastic:
            state = _during_one_read(state, crossbar, self.noise.next())
        weight = to_weight(state.weight, tuple(self.effective_weight.shape))
        if self.watch.inputs is not None:
            self.watch.inputs(x)
        if crossbar.is_matrix or self.watch.inputs is not None:
            return self.product(x, weight, self.bias)
        with torch.autocast(x.device.type, enabled=False):  # a product must not be rounded before its converter
            x = x.to(self.effective_weight.dtype)
            limits = Limits(self.input_limit, self.output_limit, self.watch.outputs)
            if crossbar.array.linear and crossbar.adc.ideal and crossbar.slicing.sums_exactly:  # only inputs are rounded
                limit = crossbar.dac.input_limit(x, limits.inputs)
                return self.product(crossbar.slicing.rounded(crossbar.dac.convert(x / limit)) * limit, weight, self.bias)
            y = read(x, self.product, crossbar, state, limits, self.matrix_shape[2], self.tally)
            return self.product.biased(y, self.bias)

    @property
    def gradient(self) -> str:
        """What autograd through this layer is: "exact", or every way in which it is not."""
        crossbar = self.crossbar
        kinds = {crossbar.array.gradient, crossbar.dac.gradient, crossbar.adc.gradient, crossbar.slicing.gradient}
        return " + ".join(sorted(kinds - {"exact"})) or "exact"

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C) of the matrix on the arrays."""
        groups, weight = self.product.groups, self.effective_weight
        return groups, weight[0].numel(), weight.shape[0] // groups

    def _program(self, weight: Tensor) -> Programmed:
        generator = torch.Generator().manual_seed(self.stream_seed)
        return program(to_matrix(weight, self.product.groups), self.crossbar, generator=generator)

    def extra_repr(self) -> str:
        """What `print(chip)` shows of the layer."""
        groups, k, c = self.matrix_shape
        return f"{self.kind}, {groups} x ({k} x {c}) on {self.crossbar.tile[0]} x {self.crossbar.tile[1]} tiles"


class TrainableLayer(MappedLayer):
    """A mapped layer that keeps the software weight as a parameter and programs it again at every forward pass.

    The gradient reaches the weight through variation, circuit and gain, by the exact adjoint of the circuit: this is
    what hardware-aware training differentiates. Every pass draws the same chip.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, product: Product, crossbar: Crossbar, seed: int, kind: str
    ) -> None:
        super().__init__(weight, bias, product, crossbar, seed, kind)
        self.weight = nn.Parameter(weight.detach().clone(), requires_grad=weight.requires_grad)

    def forward(self, x: Tensor) -> Tensor:
        """Program, solve, compute; the buffers keep the state of the last pass."""
        programmed = self._program(self.weight)
        self.conductances = programmed.conductances.detach()
        self.effective_weight = to_weight(programmed.weight, tuple(self.weight.shape)).detach()
        self.gain, self.nf = programmed.gain.detach(), programmed.nf
        if not self.crossbar.is_matrix:
            self.response, self.largest = programmed.response.detach(), programmed.largest
        return self._compute(x, programmed)


class Watch:
    """Who looks on while a chip is calibrated: at a layer's inputs, without converters, or at its answers."""

    def __init__(self) -> None:
        self.inputs: Callable[[Tensor], None] | None = None
        self.outputs: Callable[[Tensor], None] | None = None


class NoiseStream:
    """Seeds of the noise of one read after another; the same ones again after `restart`."""

    def __init__(self, seed: int) -> None:
        self.seed, self.reads, self.still = seed, 0, False

    def next(self) -> torch.Generator:
        """The generator of the next read; of the same read for ever when frozen."""
        generator = torch.Generator().manual_seed(stream_seed(self.seed, f"read {self.reads}"))
        self.reads += not self.still
        return generator

    def restart(self, seed: int, *, still: bool) -> None:
        """Begin at the first read of another stream; `still` stays there."""
        self.seed, self.reads, self.still = seed, 0, still


def _during_one_read(state: Programmed, crossbar: Crossbar, generator: torch.Generator) -> Programmed:
    """The layer's state with everything that is drawn anew at each read."""
    there = read_noise(state.conductances, crossbar, generator=generator)
    response = crossbar.array.program(there, crossbar.wires)
    multiplies_by = response if crossbar.array.linear else effective_conductance(there, crossbar.wires)
    shape = (state.weight.shape[-2], state.weight.shape[-1])
    weight = state.gain * state.largest * decode(multiplies_by, crossbar, shape)
    return dataclasses.replace(state, conductances=there, response=response, weight=weight)


def stream_seed(seed: int, layer: str) -> int:
    """The seed of a layer's own stream of random numbers: a hash of the chip's seed and the layer's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{layer}".encode()).digest()[:7], "little")
