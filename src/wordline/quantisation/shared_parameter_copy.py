"""A quantised copy of a network that shares its parameters, to train through the rounding."""

from __future__ import annotations

import copy
from itertools import chain

from torch import nn

from .quantise import replace_layers
from .rounding import BatchInputRounding


def shared_parameter_copy(
    model: nn.Module, bits: dict[str, int], *, activations: bool, percent: float
) -> nn.Module:
    """Copy a network with quantised passes on the parameters and buffers of `model` itself.

    Weights are rounded each time they are read, activations over the span of each batch: ranges
    measured once would belong to other weights a step later. An optimizer moves the unrounded
    weights of `model`, whose own passes stay unquantised; its batch-norm statistics become those
    of quantised passes. Errors are those of `quantise`.

    >>> model = nn.Linear(2, 1)
    >>> quantised = shared_parameter_copy(model, {"model": 4}, activations=True, percent=100)
    >>> next(quantised.layer.parametrizations.parameters()) is model.weight
    True
    """
    # deepcopy leaves tensors of its memo as they are
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    quantised, layers = replace_layers(copy.deepcopy(model, shared), bits)
    if activations:
        for name, layer in layers.items():
            layer.inputs = BatchInputRounding(bits[name], percent).train(layer.training)
    return quantised
