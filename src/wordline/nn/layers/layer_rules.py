"""Rules from kinds of layers to their matrices: the table that a new kind of layer joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from .attention import attention_matrices
from .convolution import conv_product
from .linear import LinearProduct
from .matrix_view import LayerMatrices, MatrixView, single_matrix
from .product import AbstractProduct
from .recurrent import cell_matrices, recurrent_matrices
from .transposed import transposed_product

_COMPUTING = ("forward", "_conv_forward", "_call_impl", "_output_padding")
Rule = Callable[[Any], LayerMatrices]


def _layer(product_of: Callable[[Any], AbstractProduct]) -> Rule:
    """Make the rule of a layer that is one matrix and keeps it as `weight`."""

    def rule(layer: Any) -> LayerMatrices:
        weight, bias = cast(Tensor, layer.weight), cast(Tensor | None, layer.bias)
        return single_matrix(MatrixView(weight, bias, product_of(layer), type(layer).__name__))

    return rule


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _layer(lambda layer: LinearProduct()),
    nn.Conv1d: _layer(lambda layer: conv_product(layer, 1)),
    nn.Conv2d: _layer(lambda layer: conv_product(layer, 2)),
    nn.Conv3d: _layer(lambda layer: conv_product(layer, 3)),
    nn.ConvTranspose1d: _layer(lambda layer: transposed_product(layer, 1)),
    nn.ConvTranspose2d: _layer(lambda layer: transposed_product(layer, 2)),
    nn.ConvTranspose3d: _layer(lambda layer: transposed_product(layer, 3)),
    nn.MultiheadAttention: attention_matrices,
    nn.RNN: recurrent_matrices,
    nn.LSTM: recurrent_matrices,
    nn.GRU: recurrent_matrices,
    nn.RNNCell: cell_matrices,
    nn.LSTMCell: cell_matrices,
    nn.GRUCell: cell_matrices,
}
# Layers of other libraries, by full name, so that none need be installed. This one is linear with
# weights (inputs, outputs).
FOREIGN: dict[str, Rule] = {
    "transformers.pytorch_utils.Conv1D": _layer(lambda layer: LinearProduct(inputs_first=True))
}


def view_as_matrices(layer: nn.Module) -> LayerMatrices | None:
    """View a layer as matrices; None where no rule is known for it.

    A subclass counts as its parent as long as it overrides nothing that computes and has no hooks.
    So does an instance as long as none of its class's computing methods was replaced on it.
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
    """Name a computing method that was set on the instance; empty where there is none."""
    return next((name for name in (*_COMPUTING, "__call__") if name in vars(layer)), "")


def _computes_as(mine: type[nn.Module], known: type[nn.Module]) -> bool:
    """Tell whether a subclass overrides none of the methods that compute."""
    names = (*_COMPUTING, "__call__")
    return all(getattr(mine, name, None) is getattr(known, name, None) for name in names)
