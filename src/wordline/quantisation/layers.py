"""A layer with quantised weights, and the search for matrix layers in a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import register_parametrization

from ..nn import AbstractMappedLayer
from ..nn.layers.digital_layers import reads_own_weights
from ..nn.layers.matrix_view import copy_attributes
from .rounding import WeightRounding


class QuantisedLayer(nn.Module):
    """A linear or convolution layer with rounded weights, and optionally with rounded inputs.

    `layer` is an ordinary layer whose `weight` is rounded each time it is read; the unrounded
    weight, which trains, is `layer.parametrizations.weight.original`. Crossbars take the rounded
    one. `inputs` rounds the inputs, or is the identity.
    """

    def __init__(self, layer: nn.Module, bits: int) -> None:
        super().__init__()
        register_parametrization(layer, "weight", WeightRounding(bits))
        self.inputs: nn.Module = nn.Identity()
        self.layer, self.bits = layer, bits
        copy_attributes(layer, self)
        self.train(layer.training)

    def forward(self, x: Tensor, *more: Any) -> Any:
        return self.layer(self.inputs(x), *more)

    def __getattr__(self, name: str) -> Any:
        """Find `weight` and `bias` of the layer, for networks that read them."""
        if name in ("weight", "bias"):
            return getattr(self.layer, name)
        return super().__getattr__(name)

    def extra_repr(self) -> str:
        return f"{self.bits}-bit weights"


def matrix_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield linear, convolution, quantised and mapped layers with their names.

    A network that is one layer has the name "model".
    """
    kinds = (nn.Linear, _ConvNd, QuantisedLayer, AbstractMappedLayer)
    visited: set[nn.Module] = set()

    def walk(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
        if module in visited:
            return
        visited.add(module)
        if isinstance(module, kinds):
            yield path or "model", module
        elif not reads_own_weights(module):
            for key, child in module.named_children():
                yield from walk(child, f"{path}.{key}" if path else key)

    return walk(model, "")


def quantised_layers(model: nn.Module) -> dict[str, QuantisedLayer]:
    """Return the quantised layers of a network by the names they had before."""
    return {
        name: layer for name, layer in matrix_layers(model) if isinstance(layer, QuantisedLayer)
    }
