"""Which layers are matrices, and of which parts: the table that a new kind of layer joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from .attention import lower_attention
from .convolution import conv_product
from .linear import LinearProduct
from .parts import Lowered, Part, whole
from .product import AbstractProduct
from .recurrent import lower_cell, lower_recurrent
from .transposed import transposed_product

_COMPUTING = ("forward", "_conv_forward", "_call_impl", "_output_padding")
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

    A subclass counts as its parent as long as it does not compute anything of its own, and has no hooks; so does an
    instance as long as no method of its own stands in the place of its class's.
    """
    if isinstance(layer, torch.jit.ScriptModule):
        return None
    if layer._forward_hooks or layer._forward_pre_hooks or replaced_method(layer):
        return None
    for kind in type(layer).__mro__:
        rule = RULES.get(kind) or FOREIGN.get(f"{kind.__module__}.{kind.__qualname__}")
        if rule is not None:
            return rule(layer) if _computes_as(type(layer), kind) else None
    return None


def replaced_method(layer: nn.Module) -> str:
    """The name of a method that computes and was set on the instance; empty where there is none."""
    return next((name for name in (*_COMPUTING, "__call__") if name in vars(layer)), "")


def _computes_as(mine: type[nn.Module], known: type[nn.Module]) -> bool:
    """Whether a subclass left the methods alone that compute."""
    return all(getattr(mine, name, None) is getattr(known, name, None) for name in (*_COMPUTING, "__call__"))
