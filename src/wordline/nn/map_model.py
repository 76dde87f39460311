"""A trained network in, a chip out."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..values import require_instance, require_integer
from .chip import Chip
from .lowering import product_of
from .mapped_layer import MappedLayer, TrainableLayer, stream_seed
from .skipped import BY_DESIGN, computes_on_its_own, reason_to_skip


def map_model(
    model: nn.Module, crossbar: Crossbar, seed: int = 0, *, strict: bool = False, trainable: bool = False
) -> Chip:
    """Map every convolution and linear layer of a network onto a crossbar; one seed is one chip.

    Returns a new module; `model` is not touched. Each layer draws from its own stream, derived from (seed, layer
    name), so a chip does not depend on the order of layers. A layer used in several places stays one layer. What stays
    digital, and why, is in `chip.report()`; with `strict=True` any matrix that would stay digital raises ValueError.
    `trainable=True` keeps the weights as parameters and programs them again at each forward pass.

    Raises TypeError for what is not a module or a crossbar and for half-precision weights, ValueError for a model in
    training mode or NaN weights.

    >>> chip = map_model(nn.Linear(4, 2).eval(), Crossbar.preset("ideal"))
    >>> list(chip.layers)
    ['model']
    """
    require_instance("model", model, nn.Module)
    require_instance("crossbar", crossbar, Crossbar)
    require_integer("seed", seed, at_least=0)
    if model.training and not trainable:
        raise ValueError(
            "`model` is in training mode; call model.eval() first, so that batch norm and dropout stand still"
        )
    holder = nn.Module()
    holder.add_module("model", copy.deepcopy(model))
    layers: dict[str, MappedLayer] = {}
    skipped: dict[str, str] = {}
    _replace(holder, "", crossbar, seed, TrainableLayer if trainable else MappedLayer, layers, skipped, {})
    refused = {name: why for name, why in skipped.items() if not why.startswith(BY_DESIGN)}
    if strict and refused:
        name, why = next(iter(refused.items()))
        raise ValueError(f"`model` layer {name!r} cannot be mapped ({why}); map without strict=True to keep it digital")
    if not layers:
        raise ValueError("`model` has no convolution or linear layer to map")
    chip = Chip(holder.get_submodule("model"), crossbar, seed, tuple(skipped.items()))
    chip.training = model.training  # this module alone: parts that the user froze stay as they are
    return chip


def _replace(
    parent: nn.Module,
    path: str,
    crossbar: Crossbar,
    seed: int,
    kind: type[MappedLayer],
    layers: dict[str, MappedLayer],
    skipped: dict[str, str],
    done: dict[nn.Module, nn.Module],
) -> None:
    """Walk the tree; put a mapped layer where a convolution or linear layer was, the same one where it was shared."""
    for key, child in list(parent.named_children()) + _shared_children(parent):
        name = f"{path}.{key}" if path else key
        shown = name.removeprefix("model.")
        if child in done:
            setattr(parent, key, done[child])
            continue
        product = product_of(child)
        if product is not None:
            weight, bias = cast(Tensor, child.weight), cast(Tensor | None, child.bias)
            if weight.dtype not in (torch.float32, torch.float64):
                raise TypeError(f"`model` layer {shown!r} has weights of {weight.dtype}; call model.float() first")
            if not weight.isfinite().all():
                raise ValueError(f"`model` layer {shown!r} has NaN or Inf weights; train or load it again")
            mapped = kind(weight, bias, product, crossbar, stream_seed(seed, shown), type(child).__name__)
            layers[shown] = mapped.train(child.training)
            done[child] = mapped
            setattr(parent, key, mapped)
            continue
        done[child] = child
        why = reason_to_skip(child)
        if why:
            skipped[shown] = why
        if not computes_on_its_own(child):
            _replace(child, name, crossbar, seed, kind, layers, skipped, done)


def _shared_children(parent: nn.Module) -> list[tuple[str, nn.Module]]:
    """Children that `named_children` leaves out because an earlier name holds the same module."""
    listed = {key for key, _ in parent.named_children()}
    return [(key, child) for key, child in parent._modules.items() if child is not None and key not in listed]
