"""Listening to the layers of a pass, and speaking in the place of one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .ratios import ratio

NAMES = (
    "relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "elu", "elu_", "celu", "selu", "gelu",
    "silu", "mish", "hardtanh", "hardswish", "hardsigmoid", "softplus", "softsign", "tanh", "tanh_", "sigmoid",
    "sigmoid_",
)  # fmt: skip
ACTIVATIONS = frozenset(
    getattr(home, name) for home in (torch, functional, Tensor) for name in NAMES if hasattr(home, name)
)


Place = tuple[str, int]  # a layer and the number of its call


@dataclass(eq=False)
class Call:
    """One call of a layer: what went in (detached), what came out (in the graph), the contraction after it."""

    name: str
    call: int
    given: Tensor
    made: Tensor
    contraction: Tensor | None = None  # (images,), filled by the activation function that follows

    @property
    def place(self) -> Place:
        """Layer and number of the call: by which a chip's call finds its twin."""
        return self.name, self.call


@contextmanager
def listening(layers: Mapping[str, nn.Module], images: int) -> Iterator[list[Call]]:
    """Every call of the layers in the order of the pass; hooks are gone afterwards.

    What goes on is a copy, so that an activation in place does not write over what was heard.
    """
    calls: list[Call] = []
    counts = dict.fromkeys(layers, 0)

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
        def hear(layer: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
            calls.append(Call(name, counts[name], given[0].detach().clone(), made))
            counts[name] += 1
            return made.clone()

        return hear

    with _hooked(layers, hook), _Contractions(calls, images):
        yield calls


@contextmanager
def speaking(layers: Mapping[str, nn.Module], place: Place, words: Tensor) -> Iterator[None]:
    """One call of one layer gives `words` in the place of its output."""
    seen = 0

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
        def speak(layer: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
            nonlocal seen
            seen += 1
            return words.to(made).view_as(made).clone() if seen - 1 == place[1] else made

        return speak

    with _hooked({place[0]: layers[place[0]]}, hook):
        yield


@contextmanager
def _hooked(layers: Mapping[str, nn.Module], hook: Callable[[str], Any]) -> Iterator[None]:
    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Contractions(TorchFunctionMode):
    """Tells every call that waits for an activation function what the next one does to the norm of its input."""

    def __init__(self, calls: Sequence[Call], images: int) -> None:
        super().__init__()
        self._calls, self._images = calls, images

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func not in ACTIVATIONS:
            return func(*args, **(kwargs or {}))
        before = self._norm(args[0])
        after = func(*args, **(kwargs or {}))
        for call in self._calls:
            if call.contraction is None and before is not None:
                norm = self._norm(after)
                if norm is None:
                    continue
                call.contraction = ratio(before, norm)
        return after

    def _norm(self, values: Tensor) -> Tensor | None:
        if values.ndim == 0 or values.shape[0] % self._images:
            return None
        return torch.linalg.vector_norm(values.detach().reshape(self._images, -1).double(), dim=1)
