"""The same network with other modules in some places, sharing everything else with it."""

from __future__ import annotations

import copy
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, final

import torch
from torch import nn

from .references import referent

_SHARED = frozenset(vars(nn.Module())) - {"_modules"}  # parameters, buffers, hooks: the very dicts
_ENDS = (type, types.ModuleType, torch.Tensor, str, bytes, int, float)  # hold nothing, or everything


@final
class Views:
    """Views of a network in which every module of a class is replaced by one of its own choice.

    A view copies what leads from the network to these modules, and nothing else: containers with
    their plain attributes, lists, tuples, sets, dictionaries, plain objects, bound methods, partial
    functions, closures and weak references. Parameters, buffers, hooks and modules off these ways
    are the network's own. A view follows the network as it is now, and is made for one pass.

    >>> network = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout()))
    >>> view = Views(network, nn.Dropout).of(lambda dropout: nn.Tanh())
    >>> view[0] is network[0], view[1][0], network[1][0]
    (True, Tanh(), Dropout(p=0.5, inplace=False))
    """

    def __init__(self, network: nn.Module, replaced: type[nn.Module]) -> None:
        self.network = network
        self.ends: list[nn.Module] = []
        held_by: dict[int, list[Any]] = {}
        for holder, held in references(network, replaced):
            if isinstance(holder, replaced):
                self.ends.append(holder)
            for value in held:
                held_by.setdefault(id(value), []).append(holder)
        self.ways: dict[int, Any] = {}
        waiting: list[Any] = list(self.ends)
        while waiting:
            value = waiting.pop()
            if id(value) not in self.ways:
                self.ways[id(value)] = value
                waiting.extend(held_by.get(id(value), ()))

    def of(self, choose: Callable[[Any], nn.Module]) -> nn.Module:
        """The view with `choose(module)` in the place of every module that is replaced."""
        made: dict[int, Any] = {id(module): choose(module) for module in self.ends}

        def view(value: Any) -> Any:
            if id(value) not in self.ways:
                return value
            if id(value) not in made:
                _copied(value, view, made)
            return made[id(value)]

        seen: nn.Module = view(self.network)
        return seen


def references(
    root: nn.Module, end: type | tuple[type, ...] = ()
) -> Iterator[tuple[Any, list[Any]]]:
    """Everything in a network that holds something, with what it holds; nothing behind class `end`.

    Plain attributes of modules are among it, parameters and buffers are not.
    """
    seen: dict[int, Any] = {}  # keeps alive what it knows by its place
    waiting: list[Any] = [root]
    while waiting:
        holder = waiting.pop()
        if id(holder) in seen:
            continue
        seen[id(holder)] = holder
        held = [] if isinstance(holder, end) else _held(holder)
        yield holder, held
        waiting.extend(value for value in held if not isinstance(value, _ENDS))


def _held(holder: Any) -> list[Any]:
    """Everything that a holder refers to and that its copy would have to replace."""
    if isinstance(holder, torch.jit.ScriptModule):
        return []
    if (target := referent(holder)) is not None:
        return [target]
    if isinstance(holder, nn.Module):
        attributes = vars(holder).copy()  # at once: another thread may be setting one
        return [
            *holder._modules.values(),
            *(v for name, v in attributes.items() if name not in _SHARED),
        ]
    if isinstance(holder, dict):
        return [*holder.keys(), *holder.values()]
    if isinstance(holder, types.MethodType):
        return [holder.__func__, holder.__self__]
    if isinstance(holder, partial):
        return [holder.func, *holder.args, *holder.keywords.values()]
    if isinstance(holder, types.FunctionType):
        return [
            *(holder.__closure__ or ()),
            *(holder.__defaults__ or ()),
            *(holder.__kwdefaults__ or {}).values(),
        ]
    if isinstance(holder, types.CellType):
        return [] if holder == types.CellType() else [holder.cell_contents]
    if isinstance(holder, list | tuple | set | frozenset | deque):
        return list(holder)
    return [*vars(holder).values()] if hasattr(holder, "__dict__") else []


def _copied(value: Any, view: Callable[[Any], Any], made: dict[int, Any]) -> None:
    """Enter a holder's copy in `made`, before it is filled where possible: holders may be in rings."""
    key = id(value)
    if (target := referent(value)) is not None:
        kind = weakref.ref if isinstance(value, weakref.ref) else weakref.proxy
        made[key] = kind(view(target))
    elif isinstance(value, nn.Module):
        made[key] = shell = object.__new__(type(value))
        vars(shell).update(vars(value))
        vars(shell)["_modules"] = {name: view(child) for name, child in value._modules.items()}
        attributes = {
            name: v for name, v in vars(shell).items() if name not in _SHARED and name != "_modules"
        }
        vars(shell).update({name: view(v) for name, v in attributes.items()})
    elif isinstance(value, dict):
        made[key] = table = copy.copy(value)
        table.clear()
        table.update({view(k): view(v) for k, v in value.items()})
    elif isinstance(value, list | deque):
        made[key] = items = copy.copy(value)
        items.clear()
        items.extend([view(v) for v in value])
    elif isinstance(value, types.CellType):
        made[key] = cell = types.CellType()
        cell.cell_contents = view(value.cell_contents)
    elif isinstance(value, types.MethodType):
        function, owner = view(value.__func__), view(value.__self__)
        other = None if type(owner) is type(value.__self__) else getattr(owner, function.__name__, None)
        made[key] = types.MethodType(function, owner) if other is None else other
    elif isinstance(value, partial):
        keywords = {k: view(v) for k, v in value.keywords.items()}
        made[key] = partial(view(value.func), *map(view, value.args), **keywords)
    elif isinstance(value, types.FunctionType):
        made[key] = _function(value, view)
    elif isinstance(value, tuple | set | frozenset):
        parts = [view(v) for v in value]
        made[key] = type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    else:
        made[key] = plain = copy.copy(value)
        vars(plain).update({name: view(v) for name, v in vars(value).items()})


def _function(value: types.FunctionType, view: Callable[[Any], Any]) -> types.FunctionType:
    defaults = None if value.__defaults__ is None else tuple(map(view, value.__defaults__))
    cells = None if value.__closure__ is None else tuple(map(view, value.__closure__))
    made = types.FunctionType(value.__code__, value.__globals__, value.__name__, defaults, cells)
    made.__kwdefaults__ = {k: view(v) for k, v in (value.__kwdefaults__ or {}).items()} or None
    vars(made).update(vars(value))
    return made
