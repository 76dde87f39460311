"""Copies of a network in software whose matrices are layers of their own, with other weights."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from .build import copy_in_holder, put_layers
from .layer_selection import LayerSelection
from .layers.matrix_view import DigitalLayer, MatrixView
from .mapping_plan import plan_mapping, require_network

_ANY = Crossbar.preset("ideal")  # no crossbar decides which matrices a network has


def with_weights(
    model: nn.Module, change: Callable[[str, MatrixView], Tensor], names: Collection[str] = ()
) -> nn.Module:
    """Copy a network with `change(name, view)` as the weight of each matrix that a chip maps.

    Matrices, names and copies are those of `map_model`, so that all that can be mapped can be
    changed: attention and recurrent layers matrix by matrix, weights that a hook or a
    parametrisation computes, layers that share a weight (each gets its own). `names`: these
    matrices only; none stands for all. Everything else stays, an embedding that shares a changed
    weight too.

    Raises ValueError for names that the network has no matrix of.

    >>> halved = with_weights(nn.Linear(2, 1).eval(), lambda name, view: view.weight / 2)
    >>> type(halved).__name__
    'DigitalLayer'
    """
    require_network(model, _ANY, may_train=False)
    holder = copy_in_holder(model, trainable=False)
    plan = plan_mapping(holder, _ANY, LayerSelection(), strict=False, probed=False)
    missing = [name for name in names if name not in plan.mapped]
    if missing:
        raise ValueError(
            f"`software` has no layer {', '.join(map(repr, missing))} that the chip has; pass the "
            "network that was mapped"
        )
    made: dict[str, nn.Module] = {}
    with torch.no_grad():
        for name, (view, _) in plan.mapped.items():
            if not names or name in names:
                made[name] = DigitalLayer(_changed(view, change(name, view)))
    put_layers(holder, plan, made)
    return holder.get_submodule("model")


def _changed(view: MatrixView, weight: Tensor) -> MatrixView:
    learned = nn.Parameter(weight.to(view.weight.dtype), requires_grad=view.weight.requires_grad)
    return MatrixView(learned, view.bias, view.product, view.kind)
