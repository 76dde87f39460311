"""Checks of a state dict against a network, before any of it is copied."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from .abstract_mapped_layer import AbstractMappedLayer
from .copying.holders import walk


def state_mismatches(model: nn.Module, state: Mapping[str, Any]) -> list[str]:
    """List what torch would complain of after copying the rest, and what it could not copy.

    Torch is asked: it loads the state into a copy of the network that holds no numbers.
    """
    tensors = {name: v.detach() for name, v in state.items() if isinstance(v, Tensor)}
    try:
        empty = _on_meta_device(model)
        names = empty.load_state_dict({**state, **tensors}, strict=False, assign=True)
        found = [f"missing {name}" for name in names.missing_keys]
        found += [f"unexpected {name}" for name in names.unexpected_keys]
    except RuntimeError as error:
        lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
        found = lines[1:] or lines  # the first of several says that errors follow
    for name, own in model.state_dict(keep_vars=True).items():
        if name in tensors and isinstance(own, Tensor):
            found += [f"{name} {why}" for why in _why_not_copied(own, tensors[name])]
    return found


def crossbar_difference(saved: Crossbar, own: Crossbar) -> str:
    """Say in which fields a state's crossbar differs from that of the chip that is to load it."""
    names = [field.name for field in dataclasses.fields(Crossbar)]
    pairs = [(name, getattr(saved, name), getattr(own, name)) for name in names]
    told = [f"{name} {theirs!r}, here {ours!r}" for name, theirs, ours in pairs if theirs != ours]
    if not told:
        return "The crossbars are equal"
    return f"The crossbar of the state has {'; '.join(told)}"


def _on_meta_device(model: nn.Module) -> nn.Module:
    """Copy a network without its numbers."""
    held = [thing for thing, _, _ in walk(model) if isinstance(thing, Tensor)]
    memo: dict[int, Any] = {}
    for own in (*model.parameters(), *model.buffers(), *held):
        if nn.parameter.is_lazy(own):
            continue
        blank = torch.empty_like(own, device="meta")
        parameter = isinstance(own, nn.Parameter)
        memo[id(own)] = nn.Parameter(blank, own.requires_grad) if parameter else blank
    empty = copy.deepcopy(model, memo)
    for layer in empty.modules():
        if isinstance(layer, AbstractMappedLayer):
            layer.expect_whole_state(True)
    return empty


def _why_not_copied(own: Tensor, value: Tensor) -> list[str]:
    """Say why one tensor cannot take the numbers of another of its shape."""
    found = []
    floating = own.is_floating_point() != value.is_floating_point()
    if floating or own.is_complex() != value.is_complex():
        found.append(f"is of {value.dtype}, here of {own.dtype}")
    if value.is_meta and not own.is_meta:
        found.append("holds no numbers (device meta)")
    if own.is_inference() and not torch.is_inference_mode_enabled():
        found.append("was made here in inference mode and cannot be changed outside of it")
    return found
