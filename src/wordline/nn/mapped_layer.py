"""A layer whose weight lives on crossbars."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..mapping import Crossbar, Programmed, program_many, read_noise, solve, times
from ..mapping.memory import passes_need_conductances, reads_conductances
from .inputs import require_finite
from .packed import on_arrays
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
    Nothing is kept twice: where a read needs the conductances themselves, `response` is them and no buffer of its own.
    Where groups share tiles (`Crossbar.packing`), `effective_weight` is the wider one of all groups of a tile.

    `keep_conductances=False` leaves out the conductances of a layer whose passes do not need them.
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
        self, part: Part, programmed: Programmed, crossbar: Crossbar, seed: int, *, keep_conductances: bool = True
    ) -> None:
        super().__init__()
        self.crossbar, self.stream_seed, self.kind = crossbar, seed, part.kind
        self.product, shape = on_arrays(part, crossbar)
        self.weight_count, self.cells_shape = part.weight.numel(), tuple(programmed.conductances.shape)
        self.bias = kept_bias(part.bias)
        self.tally, self.noise, self.watch = Tally(), NoiseStream(seed), Watch()
        if keep_conductances or passes_need_conductances(crossbar):
            self.register_buffer("conductances", programmed.conductances)
        effective = self.product.to_weight(programmed.weight, shape)
        self.register_buffer("effective_weight", effective.contiguous())
        self.register_buffer("gain", programmed.gain)
        self.register_buffer("nf", programmed.nf)
        if crossbar.is_matrix and not crossbar.stochastic:
            return
        self.register_buffer("largest", programmed.largest)
        if not crossbar.is_matrix:
            if not reads_conductances(crossbar):
                self.register_buffer("response", programmed.response)
            self.register_buffer("input_limit", programmed.largest.new_tensor(torch.nan))
            self.register_buffer("output_limit", programmed.largest.new_tensor(torch.nan))

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The layer's product, as the chip computes it; `output_size` as a transposed convolution takes it."""
        crossbar, product = self.crossbar, self.product.sized(input, output_size)
        if crossbar.is_matrix and not crossbar.stochastic:
            return product(input, self.effective_weight, self.bias)
        return self._compute(input, self._state(), product)

    def _state(self) -> Programmed:
        matrix = self.product.to_matrix(self.effective_weight)
        response = self.conductances if self.crossbar.is_matrix else self.response
        there = self.conductances if "conductances" in self._buffers else response  # read noise alone asks for them
        return Programmed(there, response, matrix, self.gain, self.largest, self.nf)

    def _keep(self, state: Programmed) -> None:
        """Let the buffers be this state."""
        if "conductances" in self._buffers:
            self.conductances = state.conductances.detach()
        if "response" in self._buffers:
            self.response = state.response.detach()
        weight = self.product.to_weight(state.weight.detach(), tuple(self.effective_weight.shape))
        self.effective_weight = weight.contiguous()

    def _compute(self, x: Tensor, state: Programmed, product: AbstractProduct) -> Tensor:
        if not product.batched(x):  # before noise is drawn
            return self._compute(x[None], state, product)[0]
        crossbar = self.crossbar
        if crossbar.stochastic:
            state = _during_one_read(state, crossbar, self.noise.next())
        weight = product.to_weight(state.weight, tuple(self.effective_weight.shape)).contiguous()
        if self.watch.inputs is not None:
            self.watch.inputs(x)
        if crossbar.is_matrix or self.watch.inputs is not None:
            return product(x, weight, self.bias)
        with torch.autocast(x.device.type, enabled=False):  # a product must not be rounded before its converter
            x = x.to(self.effective_weight.dtype)
            require_finite(x)
            limits = Limits(self.input_limit, self.output_limit, self.watch.outputs)
            only_inputs_are_rounded = crossbar.array.linear and crossbar.adc.ideal and crossbar.slicing.sums_exactly
            if only_inputs_are_rounded:
                limit = crossbar.dac.input_limit(x, limits.inputs)
                return product(crossbar.slicing.rounded(crossbar.dac.convert(x / limit)) * limit, weight, self.bias)
            y = read(x, product, crossbar, state, limits, self.matrix_shape[2], self.tally)
            return product.biased(y, self.bias)

    def __getattr__(self, name: str) -> Any:
        """`weight`, for networks that read it: what the layer multiplies by, where a matrix says everything."""
        if name != "weight":
            return self._tensor(name)
        simple = self.crossbar.is_matrix and not self.crossbar.stochastic
        simple &= self.effective_weight.numel() == self.weight_count  # not where groups share tiles
        return self.effective_weight if simple else looked_at_only(self.effective_weight)

    def _tensor(self, name: str) -> Any:
        """A buffer, parameter or module; the response where it is the conductances."""
        if name == "response" and name not in self._buffers and reads_conductances(self.crossbar):
            return self.conductances
        if name == "conductances" and name not in self._buffers and "effective_weight" in self._buffers:
            raise AttributeError(
                "`conductances` of this layer were not kept; map the network without keep_conductances=False"
            )
        return nn.Module.__getattr__(self, name)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take a state that holds a response which is the conductances, as earlier versions wrote it."""
        response, there = (state_dict.get(f"{prefix}{name}") for name in ("response", "conductances"))
        same = response is not None and there is not None and torch.equal(response, there)
        if same and "response" not in self._buffers:
            del state_dict[f"{prefix}response"]
        super()._load_from_state_dict(state_dict, prefix, *args)

    def freeze(self, seed: int) -> None:
        """Keep the noise of the first read of this stream: from now on it is part of the devices."""
        if not self.crossbar.stochastic:
            return
        with torch.no_grad():
            self._keep(_during_one_read(self._state(), self.crossbar, NoiseStream(seed).next()))
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

    def __init__(
        self, part: Part, programmed: Programmed, crossbar: Crossbar, seed: int, *, keep_conductances: bool = True
    ) -> None:
        super().__init__(part, programmed, crossbar, seed, keep_conductances=keep_conductances)
        self.weight, self.software_product = kept(part.weight), part.product
        self.held: Programmed | None = None

    def __getattr__(self, name: str) -> Any:
        """The weight is the parameter."""
        return self._tensor(name)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Program, solve, compute; the buffers keep the state of the last pass."""
        programmed = self._programmed() if self.held is None else self.held
        return self._compute(input, programmed, self.product.sized(input, output_size))

    def hold(self, seed: int) -> None:
        """Program now, with the draws of `seed`, and answer from that until called again, whatever the weight does.

        For the passes of one training step, of which an attack takes many: the gradient of each of them reaches the
        weight of this moment. Read noise begins anew.
        """
        self.stream_seed = seed
        self.noise.restart(seed)
        self.held = self._programmed()

    def _programmed(self) -> Programmed:
        matrix = self.software_product.to_matrix(self.weight)
        (programmed,) = program_part(matrix, self.crossbar, (self.stream_seed,))
        self._keep(programmed)
        self.gain, self.nf = programmed.gain.detach(), programmed.nf
        if not self.crossbar.is_matrix:
            self.largest = programmed.largest
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
    there = read_noise(state.conductances, crossbar, generator=generator)
    ((response, made),) = solve((there,), crossbar, state.weight)
    weight = times(state.gain * state.largest, made)
    return dataclasses.replace(state, conductances=there, response=response, weight=weight)


def stream_seed(seed: int, layer: str) -> int:
    """The seed of a layer's own stream of random numbers: a hash of the chip's seed and the layer's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{layer}".encode()).digest()[:7], "little")
