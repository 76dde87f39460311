"""Layers and weights that a network holds beside its registered modules: replaced, refused, or named."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from torch import nn

from .references import Rewriter, functions, global_values, reachable, referent


def replace_layers(holder: nn.Module, replaced: dict[nn.Module, nn.Module]) -> None:
    """Put mapped layers in the place of software ones, registered or held in any other way."""
    for parent in list(holder.modules()):
        for key, child in parent._modules.items():
            if child in replaced:
                parent._modules[key] = replaced[child]
    Rewriter({id(layer): mapped for layer, mapped in replaced.items()}).rewrite(holder)


def still_held(holder: nn.Module, layers: set[int], weights: dict[int, str]) -> dict[str, str]:
    """Refuse a software layer that something still leads to, and name software weights held beside parameters."""
    digital = {}
    registered = {id(parameter) for parameter in holder.parameters()}
    for thing, path in reachable(holder):
        path = path.removeprefix(".model").removeprefix(".")
        if id(thing) in layers:
            raise ValueError(
                f"`model` holds a {type(thing).__name__} where it cannot be replaced by its arrays ({path}); "
                "hold it in a module, a list or a dict"
            )
        if id(thing) in weights and id(thing) not in registered:
            name = weights[id(thing)]
            digital[path] = f"holds the software weight of {name!r}; what is computed with it is digital"
    return digital


def unregistered(holder: nn.Module) -> Iterator[tuple[str, str]]:
    """Name modules with weights that the network holds without having registered them, and why they stay digital."""
    registered = set(map(id, holder.modules()))
    things = ((thing, path) for thing, path in reachable(holder) if referent(thing) is None)
    found = [(thing, path) for thing, path in things if isinstance(thing, nn.Module)]
    for module, path in found:
        if id(module) not in registered and _has_weights(module):
            registered.update(map(id, module.modules()))  # named once, with all that is in it
            name = path.removeprefix(".model").removeprefix(".") or type(module).__name__
            yield name, f"{type(module).__name__} is not registered; hold it as an attribute or in an nn.ModuleList"
        for function in functions(module):
            for name, value in global_values(function):
                if isinstance(value, nn.Module) and _has_weights(value) and id(value) not in registered:
                    registered.update(map(id, value.modules()))
                    why = "is a global variable and not registered; hold it as an attribute"
                    yield name, f"{type(value).__name__} {why}"


def _has_weights(module: nn.Module) -> bool:
    return any(tensor.dim() > 1 for tensor in itertools.chain(module.parameters(), module.buffers()))
