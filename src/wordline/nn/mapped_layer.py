"""A layer whose weight lives on crossbars."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.jit import is_tracing  # type: ignore[attr-defined]

from ..mapping import Crossbar, ProgrammedMatrix, multiply, program_many, read_noise, solve
from ..mapping.memory import passes_need_conductances, reads_conductances
from ..transforms import no_compile, under_vmap
from .inputs import require_finite
from .packed import on_arrays
from .parts import Part, kept_bias
from .product import AbstractProduct
from .read_noise import NoiseStream, first_read
from .readable import looked_at_only
from .reading import Limits, Tally, read


class MappedLayer(nn.Module):
    """A convolution or linear layer programmed onto crossbars: the same product, as the chip computes it.

    Buffers: `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens, the devices as they are;
    `effective_weight`, of the shape of the software weight; `gain`; `nf`. The bias stays digital. Ohmic arrays without
    converters are a matrix: the pass is the software layer's product with the effective weight, and its gradient is
    the hardware's. Converters, slices and curved devices make the pass a read of the arrays, and then the layer keeps
    what a read needs too: `response`, `w_max`, and the calibrated `input_limit` and `output_limit`, NaN before.
    Nothing is kept twice: where a read needs the conductances themselves, `response` is them and no buffer of its own.
    Where groups share tiles (`Crossbar.packing`), `effective_weight` is the wider one of all groups of a tile.

    `keep_conductances=False` leaves out the conductances of a layer whose passes do not need them.

    A cast to half precision is that of the effective weight, as of a weight in software. The devices' own numbers keep
    float32 or what they had, siemens having no place in 16 bits, and reads compute with them.
    """

    conductances: Tensor
    effective_weight: Tensor
    gain: Tensor
    nf: Tensor
    response: Tensor
    w_max: Tensor
    input_limit: Tensor
    output_limit: Tensor
    _announced = False  # whether numbers that are loaded now come with the identity of their chip

    def __init__(
        self, part: Part, programmed: ProgrammedMatrix, crossbar: Crossbar, seed: int, *, keep_conductances: bool = True
    ) -> None:
        super().__init__()
        self.crossbar, self.stream_seed, self.kind = crossbar, seed, part.kind
        self.product, shape = on_arrays(part, crossbar)
        self.weight_count, self.cells_shape = part.weight.numel(), tuple(programmed.conductances.shape)
        self.bias = kept_bias(part.bias)
        self.tally, self.noise, self.watch = Tally(), NoiseStream(seed), Watch()
        effective = self.product.to_weight(programmed.weight, shape)
        self.register_buffer("effective_weight", effective.contiguous())  # first: it says in which type the layer is
        if keep_conductances or passes_need_conductances(crossbar):
            self.register_buffer("conductances", programmed.conductances)
        self.register_buffer("gain", programmed.gain)
        self.register_buffer("nf", programmed.nf)
        if crossbar.is_matrix and not crossbar.stochastic:
            return
        self.register_buffer("w_max", programmed.w_max)
        if not crossbar.is_matrix:
            if not reads_conductances(crossbar):
                self.register_buffer("response", programmed.response)
            self.register_buffer("input_limit", programmed.w_max.new_tensor(torch.nan))
            self.register_buffer("output_limit", programmed.w_max.new_tensor(torch.nan))

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The layer's product, as the chip computes it; `output_size` as a transposed convolution takes it."""
        crossbar, product = self.crossbar, self.product.sized(input, output_size)
        if crossbar.is_matrix and not crossbar.stochastic:
            return product(input, self.effective_weight, self.bias)
        self._require_no_graph()
        return self._read(input, product)

    @no_compile
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
        if under_vmap(self.conductances):
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

    def _state(self) -> ProgrammedMatrix:
        matrix = self.product.to_matrix(self.effective_weight)
        response = self.conductances if self.crossbar.is_matrix else self.response
        there = self.conductances if "conductances" in self._buffers else response  # read noise alone asks for them
        return ProgrammedMatrix(there, response, matrix, self.gain, self.w_max, self.nf)

    def _keep(self, state: ProgrammedMatrix) -> None:
        """Let the buffers be this state."""
        if "conductances" in self._buffers:
            self.conductances = state.conductances.detach()
        if "response" in self._buffers:
            self.response = state.response.detach()
        weight = self.product.to_weight(state.weight.detach(), tuple(self.effective_weight.shape))
        self.effective_weight = weight.contiguous().to(self.effective_weight.dtype)

    def _compute(self, x: Tensor, state: ProgrammedMatrix, product: AbstractProduct) -> Tensor:
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
            require_finite(x)
            limits = Limits(self.input_limit, self.output_limit, self.watch.outputs)
            only_inputs_are_rounded = crossbar.array.linear and crossbar.adc.ideal and crossbar.slicing.sums_exactly
            if only_inputs_are_rounded:
                limit = crossbar.dac.input_limit(x, limits.inputs)
                y = product(crossbar.slicing.round_inputs(crossbar.dac.convert(x / limit)) * limit, weight, bias)
            else:
                y = read(x, product, crossbar, state, limits, self.matrix_shape[2], self.tally)
                y = product.biased(y, bias)
            return y.to(own)

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

    def freeze(self, seed: int) -> None:
        """Keep the noise of the first read of this stream: from now on it is part of the devices."""
        if not self.crossbar.stochastic:
            return
        with torch.no_grad():
            self._keep(_during_one_read(self._state(), self.crossbar, first_read(seed)))
        self.crossbar = self.crossbar.frozen_noise

    @property
    def standing(self) -> tuple[int, ...]:
        """Streams of programming and of read noise, how far the latter is read, and conversions: see `become`."""
        return self.stream_seed, self.noise.seed, self.noise.reads, self.tally.conversions, self.tally.saturated

    def become(self, crossbar: Crossbar, stream: int, noise: int, reads: int, *counts: int) -> None:
        """Take over what the numbers do not say: crossbar, streams of programming and of read noise, conversions."""
        self.crossbar, self.stream_seed, self.tally = crossbar, stream, Tally(*counts)
        self.noise.restart(noise, reads)

    def announce(self, whole: bool) -> None:
        """Say whether numbers that are loaded from now on come with the identity of their chip."""
        self._announced = whole

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Refuse the arrays of a chip that nobody names: they would be read as those of this one."""
        if not self._announced and any(prefix + name in state_dict for name in self._buffers):
            raise RuntimeError(
                f"`state_dict` holds arrays of a mapped layer ({prefix[:-1] or 'the layer itself'}) and does not say "
                "of which chip; load the state_dict() of a whole chip into a whole chip"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)

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


class Watch:
    """Who looks on while a chip is calibrated: at a layer's inputs, without converters, or at its answers."""

    def __init__(self) -> None:
        self.inputs: Callable[[Tensor], None] | None = None
        self.outputs: Callable[[Tensor], None] | None = None


def program_part(matrix: Tensor, crossbar: Crossbar, seeds: Sequence[int]) -> tuple[ProgrammedMatrix, ...]:
    """Program a matrix once for each stream of random numbers."""
    return program_many(matrix, crossbar, [torch.Generator().manual_seed(seed) for seed in seeds])


def _during_one_read(state: ProgrammedMatrix, crossbar: Crossbar, generator: torch.Generator) -> ProgrammedMatrix:
    """The layer's state with everything that is drawn anew at each read."""
    with torch.autocast(state.conductances.device.type, enabled=False):  # siemens have no place in 16 bits
        there = read_noise(state.conductances, crossbar, generator=generator)
        ((response, made),) = solve((there,), crossbar, state.weight)
        weight = multiply(state.gain * state.w_max, made)
    return dataclasses.replace(state, conductances=there, response=response, weight=weight)
