"""The network of few bits that trains in place of a software network, on its very weights."""

from __future__ import annotations

import copy
from itertools import chain

from torch import nn

from .quantise import dressed
from .rounding import BatchInputRounding


def quantised_twin(model: nn.Module, bits: dict[str, int], *, activations: bool, percent: float) -> nn.Module:
    """A network whose passes are quantised and whose parameters and buffers are those of `model`, the same tensors.

    Weights are rounded each time they are read, activations over the span of each batch (ranges measured once would
    be those of other weights a step later). What an optimizer moves are the unrounded weights of `model`, which keeps
    its own way to run; its batch-norm statistics become those of quantised passes. Errors are those of `quantise`.

    >>> model = nn.Linear(2, 1)
    >>> twin = quantised_twin(model, {"model": 4}, activations=True, percent=100)
    >>> next(twin.layer.parametrizations.parameters()) is model.weight
    True
    """
    kept = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}  # deepcopy takes these as done
    twin, layers = dressed(copy.deepcopy(model, kept), bits)
    if activations:
        for name, layer in layers.items():
            layer.inputs = BatchInputRounding(bits[name], percent).train(layer.training)
    return twin
