"""Which layers are matrices, and of which parts: the table that a new kind of layer joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn

from .attention import lower_attention
from .convolution import conv_product
from .linear import LinearProduct
from .parts import Lowered, Part, whole
from .product import AbstractProduct
from .recurrent import lower_cell, lower_recurrent
from .transposed import transposed_product

Rule = Callable[[Any], Lowered]


def _layer(product_of: Callable[[Any], AbstractProduct]) -> Rule:
    """The rule of a layer that is one matrix and keeps it as `weight`."""
    return lambda layer: whole(
        Part(cast(Tensor, layer.weight), cast(Tensor | None, layer.bias), product_of(layer), type(layer).__name__)
    )


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _layer(lambda layer: LinearProduct()),
    nn.Conv1d: _layer(lambda layer: conv_product(layer, 1)),
    nn.Conv2d: _layer(lambda layer: conv_product(layer, 2)),
    nn.Conv3d: _layer(lambda layer: conv_product(layer, 3)),
    nn.ConvTranspose1d: _layer(lambda layer: transposed_product(layer, 1)),
    nn.ConvTranspose2d: _layer(lambda layer: transposed_product(layer, 2)),
    nn.ConvTranspose3d: _layer(lambda layer: transposed_product(layer, 3)),
    nn.MultiheadAttention: lower_attention,
    nn.RNN: lower_recurrent,
    nn.LSTM: lower_recurrent,
    nn.GRU: lower_recurrent,
    nn.RNNCell: lower_cell,
    nn.LSTMCell: lower_cell,
    nn.GRUCell: lower_cell,
}
# Layers of other libraries, by full name, so that nothing need be installed: linear, with weights (inputs, outputs).
FOREIGN: dict[str, Rule] = {
    "transformers.pytorch_utils.Conv1D": _layer(lambda layer: LinearProduct(inputs_first=True)),
}


def lower(layer: nn.Module) -> Lowered | None:
    """A layer's matrices, or None where it is no layer that is known to be made of them.

    A subclass counts as its parent as long as it does not compute anything of its own, and has no hooks.
    """
    if layer._forward_hooks or layer._forward_pre_hooks:
        return None
    for kind in type(layer).__mro__:
        rule = RULES.get(kind) or FOREIGN.get(f"{kind.__module__}.{kind.__qualname__}")
        if rule is not None:
            return rule(layer) if _computes_as(type(layer), kind) else None
    return None


def _computes_as(mine: type[nn.Module], known: type[nn.Module]) -> bool:
    """Whether a subclass left the methods alone that compute."""
    return all(getattr(mine, name, None) is getattr(known, name, None) for name in ("forward", "_conv_forward"))
