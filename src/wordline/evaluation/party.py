"""Who takes part in an evaluation, written down so that a record can name it."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from ..nn import Chip
from ..records import Party


def party(model: nn.Module) -> Party:
    """The network's class, a fingerprint of its numbers, and the crossbar and seed where it is a chip."""
    chip = next((module for module in model.modules() if isinstance(module, Chip)), None)
    if chip is None:
        return Party(type(model).__name__, fingerprint(model))
    kinds = {layer.gradient for layer in chip.layers.values()}
    gradient = "exact" if kinds == {"exact"} else ", ".join(sorted(kinds - {"exact"}))
    return Party(type(chip.model).__name__, fingerprint(model), chip.crossbar, chip.seed, gradient)


def fingerprint(model: nn.Module) -> str:
    """Sixteen hex digits of every parameter and buffer."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def device_of(model: nn.Module) -> torch.device:
    """Where the network's numbers are."""
    return next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))


def require_evaluation_mode(name: str, model: nn.Module) -> None:
    """Refuse what is not a module, and a network any part of which is in training mode."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"`{name}` must be a torch.nn.Module, got {type(model).__name__}")
    for path, module in model.named_modules():
        if module.training:
            where = f" (its part {path!r} is)" if path else ""
            raise ValueError(f"`{name}` is in training mode{where}; call {name}.eval() first")
