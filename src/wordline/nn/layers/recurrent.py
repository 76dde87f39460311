"""RNN, LSTM and GRU whose matrices lie on arrays; gates and states are digital."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ...transforms import no_compile
from .gates import States, step
from .linear import LinearProduct
from .matrix_view import LayerMatrices, MatrixView, copy_attributes, optional_tensor

_MAX_COMPILED_STEPS = 8  # steps that torch.compile unrolls; a hundred take it minutes


class MappedRecurrent(nn.Module):
    """`nn.RNN`, `nn.LSTM` or `nn.GRU` with a module for each matrix.

    Calls and results are torch's, packed sequences included. Modules `ih_l0`, `hh_l0`, `hr_l0` (of
    a projection), `ih_l0_reverse` and so on hold one matrix each, with its own bias. Inputs of all
    times are read at once, states one time after another.
    """

    mode: str
    num_layers: int
    hidden_size: int
    proj_size: int
    bidirectional: bool
    batch_first: bool
    dropout: float

    def __init__(self, layer: nn.RNNBase, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        copy_attributes(layer, self)

    def flatten_parameters(self) -> None:
        """Do nothing: networks call this method of torch's layers before each pass."""

    def forward(self, input: Tensor | PackedSequence, hx: Any = None) -> tuple[Any, Any]:
        """Return outputs of the last layer, and the states after the last step, as torch does."""
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        x = input
        batched = x.dim() == 3
        turned = batched and not self.batch_first
        x = x.transpose(0, 1) if turned else x if batched else x[None]
        given = self._states(hx, x)
        if hx is not None and not batched:
            given = tuple(s[:, None] for s in given)
        y, states = self._run(x, given)
        y = y.transpose(0, 1) if turned else y if batched else y[0]
        return y, self._returned(states if batched else tuple(s[:, 0] for s in states))

    def _packed(self, x: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        """Run a packed sequence; states are in the caller's order, steps in that of lengths."""
        sorted_, unsorted = x.sorted_indices, x.unsorted_indices
        bare = PackedSequence(x.data, x.batch_sizes)
        padded, lengths = pad_packed_sequence(bare, batch_first=True)
        given = self._states(hx, padded)
        if hx is not None and sorted_ is not None:
            given = tuple(state[:, sorted_] for state in given)
        y, states = self._run(padded, given, lengths.to(padded.device))
        if unsorted is not None:
            states = tuple(state[:, unsorted] for state in states)
        packed = pack_padded_sequence(y, lengths, batch_first=True)
        y_packed = PackedSequence(packed.data, packed.batch_sizes, sorted_, unsorted)
        return y_packed, self._returned(states)

    def _run(
        self, x: Tensor, given: States, lengths: Tensor | None = None
    ) -> tuple[Tensor, States]:
        """Run the layers, out of compiled graphs where there are many steps, as torch's own."""
        steps = x.shape[1] * self.num_layers * (2 if self.bidirectional else 1)
        run = self._layers if steps <= _MAX_COMPILED_STEPS else self._layers_untraced
        return run(x, given, lengths)

    def _layers(self, x: Tensor, given: States, lengths: Tensor | None) -> tuple[Tensor, States]:
        """Run all layers over sequences `(samples, times, inputs)`.

        States are `(layers * directions, samples, ...)`.
        """
        directions = ("", "_reverse") if self.bidirectional else ("",)
        last: list[States] = []
        for depth in range(self.num_layers):
            if depth and self.training and self.dropout:
                x = functional.dropout(x, self.dropout)
            outputs = []
            for direction in directions:
                state = tuple(s[len(last)] for s in given)
                y, state = self._scan(x, state, f"l{depth}{direction}", lengths)
                outputs.append(y)
                last.append(state)
            x = torch.cat(outputs, -1)
        return x, tuple(torch.stack(states) for states in zip(*last, strict=True))

    _layers_untraced = no_compile(_layers)

    def _scan(
        self, x: Tensor, state: States, suffix: str, lengths: Tensor | None
    ) -> tuple[Tensor, States]:
        """Run one layer in one direction.

        `lengths`: of packed sequences; None where all are of one length. A sequence that is over,
        or has not begun in reverse, keeps its state.
        """
        modules = self._modules
        hidden, project = cast(nn.Module, modules[f"hh_{suffix}"]), modules.get(f"hr_{suffix}")
        gates = cast(nn.Module, modules[f"ih_{suffix}"])(x)
        times = range(x.shape[1])
        outputs = []
        for t in reversed(times) if suffix.endswith("_reverse") else times:
            after = step(self.mode, gates[:, t], hidden(state[0]), state)
            if project is not None:
                after = (project(after[0]), *after[1:])
            if lengths is not None:
                running = (t < lengths)[:, None]
                pairs = zip(after, state, strict=True)
                after = tuple(new.where(running, old) for new, old in pairs)
            state = after
            outputs.append(state[0])
        in_order = outputs[::-1] if suffix.endswith("_reverse") else outputs
        return torch.stack(in_order, 1), state

    def _states(self, hx: Any, x: Tensor) -> States:
        """Return the caller's states as a tuple, or zeros."""
        if hx is not None:
            return tuple(hx) if self.mode == "LSTM" else (hx,)
        count = self.num_layers * (2 if self.bidirectional else 1)
        h = x.new_zeros(count, len(x), self.proj_size or self.hidden_size)
        if self.mode != "LSTM":
            return (h,)
        return h, x.new_zeros(count, len(x), self.hidden_size)

    def _returned(self, states: States) -> Any:
        return states if self.mode == "LSTM" else states[0]


class MappedCell(nn.Module):
    """`nn.RNNCell`, `nn.LSTMCell` or `nn.GRUCell` with modules `ih` and `hh` for its matrices."""

    hidden_size: int

    def __init__(self, layer: nn.RNNCellBase, mode: str, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.mode, self.ih, self.hh = mode, modules["ih"], modules["hh"]
        copy_attributes(layer, self)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Return the states after one step, as torch does."""
        batched, lstm = input.dim() == 2, self.mode == "LSTM"
        x = input if batched else input[None]
        if hx is None:
            state = (x.new_zeros(len(x), self.hidden_size),) * (2 if lstm else 1)
        else:
            state = tuple(s if batched else s[None] for s in (hx if lstm else (hx,)))
        after = step(self.mode, self.ih(x), self.hh(state[0]), state)
        after = after if batched else tuple(s[0] for s in after)
        return after if lstm else after[0]


def recurrent_matrices(layer: Any) -> LayerMatrices:
    """View the matrices of every layer and direction of an `nn.RNN`, `nn.LSTM` or `nn.GRU`."""
    views, kind = {}, type(layer).__name__
    for depth in range(layer.num_layers):
        for direction in ("", "_reverse") if layer.bidirectional else ("",):
            for role in ("ih", "hh", "hr") if layer.proj_size else ("ih", "hh"):
                name = f"{role}_l{depth}{direction}"
                views[name] = _view(layer, name, kind)
    return LayerMatrices(views, lambda modules: MappedRecurrent(layer, modules))


def cell_matrices(layer: Any) -> LayerMatrices:
    """View the two matrices of an `nn.RNNCell`, `nn.LSTMCell` or `nn.GRUCell`."""
    views = {role: _view(layer, role, type(layer).__name__) for role in ("ih", "hh")}
    mode = next(name for kind, name in MODES.items() if isinstance(layer, kind))
    mode = mode or f"RNN_{layer.nonlinearity.upper()}"
    return LayerMatrices(views, lambda modules: MappedCell(layer, mode, modules))


def _view(layer: nn.Module, name: str, kind: str) -> MatrixView:
    bias = optional_tensor(layer, f"bias_{name}")
    return MatrixView(getattr(layer, f"weight_{name}"), bias, LinearProduct(), kind)


MODES: dict[type[nn.Module], str] = {nn.LSTMCell: "LSTM", nn.GRUCell: "GRU", nn.RNNCell: ""}
