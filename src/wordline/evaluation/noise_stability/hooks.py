"""Calls of the layers of a pass: recorded, and replaced one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ...hooks import forward_hooks
from .ratios import ratio

NAMES = (
    "relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "elu", "elu_", "celu",
    "selu", "gelu", "silu", "mish", "hardtanh", "hardswish", "hardsigmoid", "softplus", "softsign",
    "tanh", "tanh_", "sigmoid", "sigmoid_",
)  # fmt: skip
ACTIVATIONS = frozenset(
    getattr(home, name)
    for home in (torch, functional, Tensor)
    for name in NAMES
    if hasattr(home, name)
)

CallId = tuple[str, int]  # a layer and the number of its call


@dataclass(eq=False)
class Call:
    """One call of a layer: its input (detached) and its output (in the graph).

    `contraction`, `(images,)`, is that of the activation function that follows; None before one
    does.
    """

    name: str
    number: int
    given: Tensor
    output: Tensor
    contraction: Tensor | None = None

    @property
    def id(self) -> CallId:
        """Layer and number of the call, equal for the same call in software and on the chip."""
        return self.name, self.number


@contextmanager
def record_calls(layers: Mapping[str, nn.Module], images: int) -> Iterator[list[Call]]:
    """Record every call of the layers in the order of the pass.

    The pass goes on with copies, so that an activation in place does not overwrite a record.
    """
    calls: list[Call] = []
    counts = dict.fromkeys(layers, 0)

    def record(name: str, layer: nn.Module, given: tuple[Any, ...], output: Tensor) -> Tensor:
        calls.append(Call(name, counts[name], given[0].detach().clone(), output))
        counts[name] += 1
        return output.clone()

    with forward_hooks(layers, record), _Contractions(calls, images):
        yield calls


@contextmanager
def replace_output(layers: Mapping[str, nn.Module], call: CallId, output: Tensor) -> Iterator[None]:
    """Replace the output of one call of one layer."""
    target, number = call
    seen = 0

    def replace(name: str, layer: nn.Module, given: tuple[Any, ...], own: Tensor) -> Tensor:
        nonlocal seen
        seen += 1
        return output.to(own).view_as(own).clone() if seen - 1 == number else own

    with forward_hooks({target: layers[target]}, replace):
        yield


class _Contractions(TorchFunctionMode):
    """A mode that gives each recorded call the contraction of the next activation function."""

    def __init__(self, calls: Sequence[Call], images: int) -> None:
        super().__init__()
        self._calls, self._images = calls, images

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func not in ACTIVATIONS:
            return func(*args, **(kwargs or {}))
        before = self._norm(args[0])
        after = func(*args, **(kwargs or {}))
        for call in self._calls:
            if call.contraction is None and before is not None:
                norm = self._norm(after)
                if norm is not None:
                    call.contraction = ratio(before, norm)
        return after

    def _norm(self, values: Tensor) -> Tensor | None:
        if values.ndim == 0 or values.shape[0] % self._images:
            return None
        rows = values.detach().reshape(self._images, -1).double()
        return torch.linalg.vector_norm(rows, dim=1)
