"""A layer whose weight lives on crossbars."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.jit import is_tracing  # type: ignore[attr-defined]

from ..circuits import effective_conductance
from ..mapping import Crossbar, Programmed, decode, program_many, read_noise
from ..transforms import batched, transformed, untraced
from .parts import Part, kept, kept_bias
from .product import AbstractProduct
from .readable import looked_at_only
from .reading import Limits, Tally, read


class MappedLayer(nn.Module):
    """A convolution or linear layer programmed onto crossbars: the same product, as the chip computes it.

    Buffers: `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens, the devices as they are;
    `effective_weight`, of the shape of the software weight; `gain`; `nf`. The bias stays digital. Ohmic arrays without
    converters are a matrix: the pass is the software layer's product with the effective weight, and its gradient is
    the hardware's. Converters, slices and curved devices make the pass a read of the arrays, and then the layer keeps
    what a read needs too: `response`, `largest`, and the calibrated `input_limit` and `output_limit`, NaN before.

    A cast to half precision is that of the effective weight, as of a weight in software. The devices' own numbers keep
    float32 or what they had, siemens having no place in 16 bits, and reads compute with them.
    """

    conductances: Tensor
    effective_weight: Tensor
    gain: Tensor
    nf: Tensor
    response: Tensor
    largest: Tensor
    input_limit: Tensor
    output_limit: Tensor

    def __init__(self, part: Part, programmed: Programmed, crossbar: Crossbar, seed: int) -> None:
        super().__init__()
        self.product, self.crossbar, self.stream_seed, self.kind = part.product, crossbar, seed, part.kind
        self.bias = kept_bias(part.bias)
        self.tally, self.noise, self.watch = Tally(), NoiseStream(seed), Watch()
        effective = part.product.to_weight(programmed.weight, tuple(part.weight.shape))
        self.register_buffer("effective_weight", effective.contiguous())  # first: it says in which type the layer is
        self.register_buffer("conductances", programmed.conductances)
        self.register_buffer("gain", programmed.gain)
        self.register_buffer("nf", programmed.nf)
        if crossbar.is_matrix and not crossbar.stochastic:
            return
        self.register_buffer("largest", programmed.largest)
        if not crossbar.is_matrix:
            self.register_buffer("response", programmed.response)
            self.register_buffer("input_limit", programmed.largest.new_tensor(torch.nan))
            self.register_buffer("output_limit", programmed.largest.new_tensor(torch.nan))

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The layer's product, as the chip computes it; `output_size` as a transposed convolution takes it."""
        crossbar, product = self.crossbar, self.product.sized(x, output_size)
        if crossbar.is_matrix and not crossbar.stochastic:
            return product(x, self.effective_weight, self.bias)
        self._require_no_graph()
        return self._read(x, product)

    @untraced
    def _read(self, x: Tensor, product: AbstractProduct) -> Tensor:
        return self._compute(x, self._state(), product)

    def _require_no_graph(self) -> None:
        """Refuse to be written down as a graph of torch's operations, which reads no arrays and draws no noise."""
        if torch.compiler.is_exporting() or is_tracing():
            raise ValueError(
                f"`chip` layer of kind {self.kind} cannot be exported or traced: its arrays are read, or programmed, "
                "at every pass, which no graph can hold; export a chip without converters, slices, read noise and "
                "curved devices, mapped without trainable=True"
            )

    def _require_one_chip(self) -> None:
        """Refuse to draw for several chips at once: each has a stream of its own, which no tensor carries."""
        if batched(self.conductances):
            raise ValueError(
                "`vmap` over chips with read noise, or that program themselves at each pass, would give all of them "
                "the random numbers of one; call them one after another"
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move and cast as any module, but leave the devices' numbers as they are where 16 bits are asked for."""
        devices = {name: tensor for name, tensor in self._buffers.items() if name != "effective_weight"}
        super()._apply(fn, recurse)
        for name, before in devices.items():
            after = self._buffers[name]
            if before is not None and after is not None and after.is_floating_point() and after.element_size() < 4:
                self._buffers[name] = before.to(after.device)
        return self

    def _state(self) -> Programmed:
        matrix = self.product.to_matrix(self.effective_weight)
        response = self.conductances if self.crossbar.is_matrix else self.response
        return Programmed(self.conductances, response, matrix, self.gain, self.largest, self.nf)

    def _compute(self, x: Tensor, state: Programmed, product: AbstractProduct) -> Tensor:
        if not product.batched(x):  # before noise is drawn
            return self._compute(x[None], state, product)[0]
        crossbar = self.crossbar
        if product.width(x) != state.weight.shape[-2]:  # rows without a voltage would answer all the same
            raise ValueError(
                f"`x` of shape {tuple(x.shape)} drives {product.width(x)} rows of a layer of {state.weight.shape[-2]}; "
                "pass activations of the layer's own width, samples first"
            )
        if crossbar.stochastic:
            self._require_one_chip()
            state = _during_one_read(state, crossbar, self.noise.next())
        own, wide = self.effective_weight.dtype, state.gain.dtype
        weight = product.to_weight(state.weight, tuple(self.effective_weight.shape)).contiguous()
        if self.watch.inputs is not None:
            self.watch.inputs(x)
        if crossbar.is_matrix or self.watch.inputs is not None:
            return product(x, weight.to(own), self.bias)
        with torch.autocast(x.device.type, enabled=False):  # a product must not be rounded before its converter
            x, weight, bias = x.to(wide), weight.to(wide), None if self.bias is None else self.bias.to(wide)
            limits = Limits(self.input_limit, self.output_limit, self.watch.outputs)
            only_inputs_are_rounded = crossbar.array.linear and crossbar.adc.ideal and crossbar.slicing.sums_exactly
            if only_inputs_are_rounded:
                limit = crossbar.dac.input_limit(x, limits.inputs)
                y = product(crossbar.slicing.rounded(crossbar.dac.convert(x / limit)) * limit, weight, bias)
            else:
                y = read(x, product, crossbar, state, limits, self.matrix_shape[2], self.tally)
                y = product.biased(y, bias)
            return y.to(own)

    def __getattr__(self, name: str) -> Any:
        """`weight`, for networks that read it: what the layer multiplies by, where a matrix says everything."""
        if name != "weight":
            return super().__getattr__(name)
        simple = self.crossbar.is_matrix and not self.crossbar.stochastic
        return self.effective_weight if simple else looked_at_only(self.effective_weight)

    def freeze(self, seed: int) -> None:
        """Keep the noise of the first read of this stream: from now on it is part of the devices."""
        if not self.crossbar.stochastic:
            return
        with torch.no_grad():
            state = _during_one_read(self._state(), self.crossbar, NoiseStream(seed).next())
        self.conductances = state.conductances
        weight = self.product.to_weight(state.weight, tuple(self.effective_weight.shape)).contiguous()
        self.effective_weight = weight.to(self.effective_weight.dtype)
        if not self.crossbar.is_matrix:
            self.response = state.response
        self.crossbar = self.crossbar.held

    @property
    def gradient(self) -> str:
        """What autograd through this layer is: "exact", or every way in which it is not."""
        crossbar = self.crossbar
        kinds = {crossbar.array.gradient, crossbar.dac.gradient, crossbar.adc.gradient, crossbar.slicing.gradient}
        return " + ".join(sorted(kinds - {"exact"})) or "exact"

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C) of the matrix on the arrays."""
        return self.product.matrix_shape(self.effective_weight.shape)

    def extra_repr(self) -> str:
        """What `print(chip)` shows of the layer."""
        groups, k, c = self.matrix_shape
        return f"{self.kind}, {groups} x ({k} x {c}) on {self.crossbar.tile[0]} x {self.crossbar.tile[1]} tiles"


class TrainableLayer(MappedLayer):
    """A mapped layer that keeps the software weight as a parameter and programs it again at every forward pass.

    The gradient reaches the weight through variation, circuit and gain, by the exact adjoint of the circuit: this is
    what hardware-aware training differentiates. Every pass draws the same chip. A weight that the network shares with
    another layer stays the one parameter of both.
    """

    def __init__(self, part: Part, programmed: Programmed, crossbar: Crossbar, seed: int) -> None:
        super().__init__(part, programmed, crossbar, seed)
        self.weight = kept(part.weight)
        self.held: Programmed | None = None

    def __getattr__(self, name: str) -> Any:
        """The weight is the parameter."""
        return nn.Module.__getattr__(self, name)

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Program, solve, compute; the buffers keep the state of the last pass outside of `torch.func`."""
        self._require_no_graph()
        return self._read(x, self.product.sized(x, output_size))

    def _state(self) -> Programmed:
        return self._programmed() if self.held is None else self.held

    def hold(self, seed: int) -> None:
        """Program now, with the draws of `seed`, and answer from that until called again, whatever the weight does.

        For the passes of one training step, of which an attack takes many: the gradient of each of them reaches the
        weight of this moment. Read noise begins anew.
        """
        self.stream_seed = seed
        self.noise.restart(seed)
        self.held = self._programmed()

    def _programmed(self) -> Programmed:
        self._require_one_chip()
        product, own = self.product, self.weight.dtype
        weight = self.weight.to(torch.promote_types(own, torch.float32))
        (programmed,) = program_part(product.to_matrix(weight), self.crossbar, (self.stream_seed,))
        if transformed():  # its tensors mean nothing afterwards
            return programmed
        self.conductances = programmed.conductances.detach()
        self.effective_weight = product.to_weight(programmed.weight, tuple(self.weight.shape)).detach().to(own)
        self.gain, self.nf = programmed.gain.detach(), programmed.nf
        if not self.crossbar.is_matrix:
            self.response, self.largest = programmed.response.detach(), programmed.largest
        return programmed

    def freeze(self, seed: int) -> None:
        """Refused: each pass programs the layer anew, so nothing could be kept."""
        if self.crossbar.stochastic:
            raise ValueError("`chip` is trainable and programs itself at each pass; map it without trainable=True")


class Watch:
    """Who looks on while a chip is calibrated: at a layer's inputs, without converters, or at its answers."""

    def __init__(self) -> None:
        self.inputs: Callable[[Tensor], None] | None = None
        self.outputs: Callable[[Tensor], None] | None = None


class NoiseStream:
    """Seeds of the noise of one read after another; the same ones again after `restart`."""

    def __init__(self, seed: int) -> None:
        self.seed, self.reads = seed, 0

    def next(self) -> torch.Generator:
        """The generator of the next read."""
        generator = torch.Generator().manual_seed(stream_seed(self.seed, f"read {self.reads}"))
        self.reads += 1
        return generator

    def restart(self, seed: int) -> None:
        """Begin at the first read of another stream."""
        self.seed, self.reads = seed, 0


def program_part(matrix: Tensor, crossbar: Crossbar, seeds: Sequence[int]) -> tuple[Programmed, ...]:
    """Program a matrix once for each stream of random numbers."""
    return program_many(matrix, crossbar, [torch.Generator().manual_seed(seed) for seed in seeds])


def _during_one_read(state: Programmed, crossbar: Crossbar, generator: torch.Generator) -> Programmed:
    """The layer's state with everything that is drawn anew at each read."""
    with torch.autocast(state.conductances.device.type, enabled=False):  # siemens have no place in 16 bits
        there = read_noise(state.conductances, crossbar, generator=generator)
        response = crossbar.array.program(there, crossbar.wires)
        multiplies_by = response if crossbar.array.linear else effective_conductance(there, crossbar.wires)
        shape = (state.weight.shape[-2], state.weight.shape[-1])
        weight = state.gain * state.largest * decode(multiplies_by, crossbar, shape)
    return dataclasses.replace(state, conductances=there, response=response, weight=weight)


def stream_seed(seed: int, layer: str) -> int:
    """The seed of a layer's own stream of random numbers: a hash of the chip's seed and the layer's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{layer}".encode()).digest()[:7], "little")
