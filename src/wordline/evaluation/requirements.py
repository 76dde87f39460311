"""Conditions that a network must meet before it is measured."""

from __future__ import annotations

import torch
from torch import nn

from ..datasets import ImageSplit
from ..models.batches import prepare


def require_fit(name: str, model: nn.Module, split: ImageSplit) -> None:
    """Refuse images of a shape that the network cannot take, after a forward pass of one image."""
    image = prepare(model, split.images[:1])
    try:
        with torch.no_grad():
            model(image)
    except (RuntimeError, ValueError) as error:
        shape, reason = tuple(image.shape[1:]), str(error).splitlines()[0]
        raise ValueError(f"`data` images of shape {shape} do not fit `{name}`: {reason}") from error


def require_evaluation_mode(name: str, model: nn.Module) -> None:
    """Refuse anything but a module, and a network any part of which is in training mode."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"`{name}` must be a torch.nn.Module, got {type(model).__name__}")
    for path, module in model.named_modules():
        if module.training:
            where = f" (its part {path!r} is)" if path else ""
            raise ValueError(f"`{name}` is in training mode{where}; call {name}.eval() first")
