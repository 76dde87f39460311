"""Holders: every kind of object that refers to others, and a walk through a network of them."""

from __future__ import annotations

import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

# A walk ends at these: they lead to everything that Python has loaded, or hold nothing.
ENDS = (
    type, types.ModuleType, types.FrameType, types.CodeType, types.BuiltinFunctionType, Tensor,
    str, bytes, int, float, type(None),
)  # fmt: skip
SEQUENCES = (list, tuple, set, frozenset, deque)
REGISTERED = ("_modules", "_parameters", "_buffers")

Contents = list[tuple[str, Any]]  # (step of a path in words, object)


def is_end(thing: object) -> bool:
    """Tell whether a walk ends at an object."""
    return issubclass(type(thing), ENDS)  # not `isinstance`: a dead proxy has no class to ask for


def contents(holder: Any) -> Contents:
    """List what a holder refers to, each with its step in a path.

    Of a function these are its closure, defaults and attributes, not the globals of its file.

    >>> contents({"a": 1})
    [('', 'a'), ("['a']", 1)]
    """
    kind = type(holder)
    if issubclass(kind, (weakref.ref, *weakref.ProxyTypes)):
        target = referent(holder)
        return [] if target is None else [(" > a weak reference", target)]
    if issubclass(kind, nn.Module):
        return [] if issubclass(kind, torch.jit.ScriptModule) else _of_module(holder)
    if issubclass(kind, dict):
        return [pair for key, held in list(holder.items()) for pair in _entry(key, held)]
    if issubclass(kind, SEQUENCES):
        indexed = issubclass(kind, list | tuple)
        return [(f"[{at}]" if indexed else "", held) for at, held in enumerate(list(holder))]
    if issubclass(kind, types.FunctionType):
        return _of_function(holder)
    if issubclass(kind, types.CellType):
        return [("", holder.cell_contents)] if is_filled(holder) else []
    if issubclass(kind, types.MethodType):
        return [("", holder.__func__), ("", holder.__self__)]
    held = list(vars(holder).values()) if hasattr(holder, "__dict__") else []
    if issubclass(kind, partial):
        held += [holder.func, *holder.args, *holder.keywords.values()]
    return [("", thing) for thing in held]


def _of_module(module: nn.Module) -> Contents:
    found: Contents = []
    for name, held in vars(module).copy().items():  # at once: another thread may be setting one
        if name in REGISTERED:
            found += [(f".{key}", part) for key, part in list(held.items())]
        elif not (issubclass(type(held), bool | int | dict) and not held):  # no empty hooks
            found.append((f".{name}", held))
    return found


def _entry(key: Any, held: Any) -> Contents:
    return [("", key), (f"[{key!r}]" if isinstance(key, str | int) else "", held)]


def _of_function(function: types.FunctionType) -> Contents:
    where = f"the function {function.__name__!r}"
    names = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return [
        *((f" > {name!r} of {where}", cell) for name, cell in names),
        *((f" > {where}", held) for held in (*defaults, *vars(function).values())),
    ]


def walk(
    root: object, inside: Callable[[Any], Contents] = contents
) -> Iterator[tuple[Any, str, Contents]]:
    """Yield every object that `root` leads to, breadth first: object, path in words, contents."""
    seen = {id(root): root}  # keeps alive what it knows by its address
    queue = deque([(root, "")])
    while queue:
        thing, path = queue.popleft()
        held = [] if is_end(thing) else inside(thing)
        yield thing, path, held
        for step, inner in held:
            if id(inner) not in seen:
                seen[id(inner)] = inner
                queue.append((inner, f"{path}{step}"))


def is_filled(cell: types.CellType) -> bool:
    """Tell whether the variable of a closure has a value yet."""
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def referent(thing: Any) -> Any:
    """Return the object that a weak reference or proxy stands for; None for others, or if dead."""
    if issubclass(type(thing), weakref.ref):
        return thing()
    if issubclass(type(thing), weakref.ProxyTypes):
        try:
            return thing.__init__.__self__
        except ReferenceError:
            return None
    return None
