"""Whether a state fits a network, found out before any of it is copied."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from .mapped_layer import MappedLayer
from .views import references


def misfits(model: nn.Module, state: Mapping[str, Any]) -> list[str]:
    """What torch would complain of after copying the rest, and tensors that could not be copied.

    Torch is asked: it loads the state into a copy of the network that holds no numbers.
    """
    tensors = {name: v.detach() for name, v in state.items() if isinstance(v, Tensor)}
    try:
        empty = _without_numbers(model)
        names = empty.load_state_dict({**state, **tensors}, strict=False, assign=True)
        found = [f"missing {name}" for name in names.missing_keys]
        found += [f"unexpected {name}" for name in names.unexpected_keys]
    except RuntimeError as error:
        lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
        found = lines[1:] or lines  # the first of several says that errors follow
    for name, own in model.state_dict(keep_vars=True).items():
        if name in tensors and isinstance(own, Tensor):
            found += [f"{name} {why}" for why in _uncopied(own, tensors[name])]
    return found


def difference(there: Crossbar, here: Crossbar) -> str:
    """In which fields a state's crossbar differs from that of the chip that is to load it."""
    names = [field.name for field in dataclasses.fields(Crossbar)]
    pairs = [(name, getattr(there, name), getattr(here, name)) for name in names]
    told = [f"{name} {theirs!r}, here {ours!r}" for name, theirs, ours in pairs if theirs != ours]
    if not told:
        return "The crossbars are equal"
    return f"The crossbar of the state has {'; '.join(told)}"


def _without_numbers(model: nn.Module) -> nn.Module:
    held = [v for _, values in references(model) for v in values if isinstance(v, Tensor)]
    memo: dict[int, Any] = {}
    for own in (*model.parameters(), *model.buffers(), *held):
        if nn.parameter.is_lazy(own):
            continue
        blank = torch.empty_like(own, device="meta")
        parameter = isinstance(own, nn.Parameter)
        memo[id(own)] = nn.Parameter(blank, own.requires_grad) if parameter else blank
    empty = copy.deepcopy(model, memo)
    for layer in empty.modules():
        if isinstance(layer, MappedLayer):
            layer.announce(True)
    return empty


def _uncopied(own: Tensor, value: Tensor) -> list[str]:
    """Why one tensor cannot take the numbers of another of its shape."""
    found = []
    if own.is_floating_point() != value.is_floating_point() or own.is_complex() != value.is_complex():
        found.append(f"is of {value.dtype}, here of {own.dtype}")
    if value.is_meta and not own.is_meta:
        found.append("holds no numbers (device meta)")
    if own.is_inference() and not torch.is_inference_mode_enabled():
        found.append("was made here in inference mode and cannot be changed outside of it")
    return found
