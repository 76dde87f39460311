"""Layers and weights that a network holds beside its registered modules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from torch import nn

from .holders import referent
from .reachable import functions, global_values, reachable
from .rewriter import Rewriter


def replace_layers(holder: nn.Module, replaced: dict[nn.Module, nn.Module]) -> None:
    """Put mapped layers in the place of software ones, registered or held in any other way."""
    Rewriter({id(layer): mapped for layer, mapped in replaced.items()}).rewrite(holder)


def software_weights_held(
    holder: nn.Module, layers: set[int], weights: dict[int, str]
) -> dict[str, str]:
    """Name software weights that a network holds beside its parameters, with the reason.

    `layers`: ids of the replaced layers; `weights`: id of a software weight -> its layer's name.
    Raises ValueError for a replaced layer that something still leads to.
    """
    digital = {}
    registered = {id(parameter) for parameter in holder.parameters()}
    for thing, path in reachable(holder):
        path = path.removeprefix(".model").removeprefix(".")
        if id(thing) in layers:
            raise ValueError(
                f"`model` holds a {type(thing).__name__} where it cannot be replaced by its arrays "
                f"({path}); hold it in a module, a list or a dict"
            )
        if id(thing) in weights and id(thing) not in registered:
            why = f"holds the software weight of {weights[id(thing)]!r}"
            digital[path] = f"{why}; what is computed with it is digital"
    return digital


def unregistered_modules(holder: nn.Module) -> Iterator[tuple[str, str]]:
    """Name modules with weights that a network holds unregistered, with the reason of each."""
    registered = set(map(id, holder.modules()))
    things = ((thing, path) for thing, path in reachable(holder) if referent(thing) is None)
    found = [(thing, path) for thing, path in things if isinstance(thing, nn.Module)]
    for module, path in found:
        kind = type(module).__name__
        if id(module) not in registered and _has_weights(module):
            registered.update(map(id, module.modules()))  # named once, with all that is in it
            name = path.removeprefix(".model").removeprefix(".") or kind
            yield name, f"{kind} is not registered; hold it as an attribute or in an nn.ModuleList"
        for function in functions(module):
            for name, value in global_values(function):
                fresh = isinstance(value, nn.Module) and id(value) not in registered
                if fresh and _has_weights(value):  # type: ignore[arg-type]
                    registered.update(map(id, value.modules()))  # type: ignore[attr-defined]
                    why = "is a global variable and not registered; hold it as an attribute"
                    yield name, f"{type(value).__name__} {why}"


def _has_weights(module: nn.Module) -> bool:
    tensors = itertools.chain(module.parameters(), module.buffers())
    return any(tensor.dim() > 1 for tensor in tensors)
