"""Copies of a network that share no module and no weight with it, however it holds them."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from .deep_copy import deep_copy
from .reachable import functions, global_values, reachable

_COMPUTED = (prune.BasePruningMethod, WeightNorm, SpectralNorm)


def independent_copy(model: nn.Module, *, trainable: bool = False) -> nn.Module:
    """Copy a network with everything that its modules hold (see `deep_copy`), with plain weights.

    Modules that `torch.compile` wrapped are unwrapped. Weights that a hook computes before each
    pass (pruning and the older `weight_norm`, `spectral_norm`) become plain weights of the same
    values.

    Raises ValueError for a network that reaches itself through a global variable, for layers that
    have not seen an input yet, and, with `trainable`, for weights that a hook computes.
    """
    for thing, _ in reachable(model):
        if isinstance(thing, nn.Module):
            _require_initialised(thing)
    holder = nn.Module()
    holder.add_module("model", deep_copy(model))
    _unwrap_compiled(holder)
    _drop_plain_forwards(holder)
    _make_weights_plain(holder, trainable=trainable)
    _require_separate(holder, model)
    return holder.get_submodule("model")


def _require_initialised(module: nn.Module) -> None:
    own = itertools.chain(module.parameters(recurse=False), module.buffers(recurse=False))
    if any(map(is_lazy, own)):
        raise ValueError(
            f"`model` holds a {type(module).__name__} that has not seen an input yet, so its "
            "weights have no shape; run the network once, then map it"
        )


def _unwrap_compiled(holder: nn.Module) -> None:
    """Put the network back that `torch.compile` wrapped into a module."""
    if "torch._dynamo" not in sys.modules:  # two seconds to import, and who wraps has done so
        return
    for parent in list(holder.modules()):
        for key, child in list(parent._modules.items()):
            while isinstance(child, torch._dynamo.OptimizedModule):
                child = child._orig_mod
                parent._modules[key] = child


def _drop_plain_forwards(holder: nn.Module) -> None:
    """Remove a `forward` on the instance that is its class's own, as unwrapping leaves it."""
    for module in holder.modules():
        forward = vars(module).get("forward")
        owner, function = getattr(forward, "__self__", None), getattr(forward, "__func__", None)
        if owner is module and function is getattr(type(module), "forward", None):
            del module.forward


def _make_weights_plain(holder: nn.Module, *, trainable: bool) -> None:
    """Make parameters of weights that pruning and the older normalisations compute in a hook."""
    for name, module in holder.named_modules():
        for hook in list(module._forward_pre_hooks.values()):
            if not isinstance(hook, _COMPUTED):
                continue
            if trainable:
                raise ValueError(
                    f"`model` layer {name.removeprefix('model.')!r} computes its weight in a hook "
                    f"({type(hook).__name__}), which trainable=True would not keep; make it a "
                    "plain weight first (prune.remove, remove_weight_norm, remove_spectral_norm)"
                )
            with torch.no_grad():
                _remove_hook(module, hook)


def _remove_hook(module: nn.Module, hook: Any) -> None:
    if isinstance(hook, prune.BasePruningMethod):
        hook(module, None)  # the mask times the weight of now, not that of the last pass
        prune.remove(module, hook._tensor_name)
    elif isinstance(hook, WeightNorm):
        remove_weight_norm(module, hook.name)
    else:
        remove_spectral_norm(module, hook.name)


def _require_separate(holder: nn.Module, model: nn.Module) -> None:
    """Refuse a copy that still leads to a module or a weight of the original network."""
    originals = {id(module) for module in model.modules()}
    originals |= {id(tensor) for tensor in itertools.chain(model.parameters(), model.buffers())}
    for thing, path in reachable(holder):
        if id(thing) in originals:
            raise ValueError(
                f"`model` holds itself where it cannot be copied: {path.removeprefix('.')}; "
                "call its layers from its own modules, lists or functions"
            )
        for function in functions(thing) if isinstance(thing, nn.Module) else ():
            _require_no_global(function, originals)


def _require_no_global(function: Any, originals: set[int]) -> None:
    for name, value in global_values(function):
        if id(value) in originals:
            raise ValueError(
                f"`model` reaches itself through the global variable {name!r} of the function "
                f"{function.__qualname__!r}, which a copy cannot change; pass the module as an "
                "argument or an attribute"
            )
