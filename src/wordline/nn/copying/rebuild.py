"""Holders rebuilt around other contents, in place or as copies."""

from __future__ import annotations

import abc
import copy
import types
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, final

import torch
from torch import nn

from .holders import is_filled, referent

COMPILED_FROM = "_torchdynamo_orig_callable"  # the function that torch.compile wrapped


class AbstractRebuilder(abc.ABC):
    """Replaces objects by others, wherever holders refer to them: call it with any holder.

    `new`: id of an object -> its replacement. Tuples, partial functions, bound methods, weak
    references and functions with closures are built anew where they lead to a replaced object;
    other holders are filled into what `target` returns.
    """

    def __init__(self, new: Mapping[int, Any]) -> None:
        self.new = new
        # id -> (object, what it became); the first keeps the id from being used again
        self._made: dict[int, tuple[Any, Any]] = {}

    @abc.abstractmethod
    def leaves(self, thing: Any) -> bool:
        """Tell whether an object stays as it is, with all that it holds."""

    @abc.abstractmethod
    def target(self, thing: Any) -> Any:
        """Return the object to fill with the new contents of a list, dict, module or the like."""

    @abc.abstractmethod
    def in_function(self, held: Any) -> Any:
        """Return what a function's closure or defaults hold in place of an object."""

    @final
    def __call__(self, thing: Any) -> Any:
        """Return an object's replacement, the object rebuilt, or itself where nothing changed."""
        if id(thing) in self.new:
            return self.new[id(thing)]
        if id(thing) in self._made:
            return self._made[id(thing)][1]
        if self.leaves(thing):
            return thing
        build = next((b for kind, b in _IMMUTABLE.items() if issubclass(type(thing), kind)), None)
        if build is not None:
            made = build(self, thing)
            return self._made.setdefault(id(thing), (thing, made))[1]
        made = self.target(thing)
        self._made[id(thing)] = thing, made  # before it is filled: holders may be in rings
        self.fill(made, thing)
        return made

    @final
    def fill(self, target: Any, source: Any) -> None:
        """Give `target` the new contents of `source`, of the same kind or the same object."""
        if isinstance(source, list | deque | set):
            held = list(source)
            after = [self(part) for part in held]
            if target is not source or _differ(after, held):
                target.clear()
                (target.update if isinstance(target, set) else target.extend)(after)
        elif isinstance(source, dict):
            pairs = [part for entry in source.items() for part in entry]
            after = [self(part) for part in pairs]
            if target is not source or _differ(after, pairs):
                target.clear()
                target.update(dict(zip(after[::2], after[1::2], strict=True)))
        elif hasattr(source, "__dict__") and not isinstance(source, torch.jit.ScriptModule):
            self._fill_attributes(target, source)

    def _fill_attributes(self, target: Any, source: Any) -> None:
        for name, held in vars(source).copy().items():
            if isinstance(source, nn.Module) and name in ("_parameters", "_buffers"):
                continue
            if isinstance(source, nn.Module) and name == "_modules":
                children = {key: self(child) for key, child in held.items()}
                after = held if target is source else type(held)(held)
                after.update(children)
            else:
                after = self(held)
            if after is not held:
                vars(target)[name] = after

    def function(self, thing: types.FunctionType) -> Any:
        """Build a function anew around the new contents of its closure, defaults and attributes."""
        if hasattr(thing, COMPILED_FROM):  # it computes the same
            return self(getattr(thing, COMPILED_FROM))
        closure, globals_ = thing.__closure__ or (), thing.__globals__
        cells = tuple(map(self._cell, closure))
        made = types.FunctionType(thing.__code__, globals_, thing.__name__, None, cells or None)
        self._made[id(thing)] = thing, made  # before its cells: a function may hold itself
        for old in closure:
            self.cell(old)
        if thing.__defaults__ is not None:
            made.__defaults__ = tuple(map(self.in_function, thing.__defaults__))
        words = thing.__kwdefaults__ or {}
        made.__kwdefaults__ = {name: self.in_function(held) for name, held in words.items()} or None
        made.__qualname__, made.__doc__ = thing.__qualname__, thing.__doc__
        made.__module__ = thing.__module__
        vars(made).update({name: self.in_function(held) for name, held in vars(thing).items()})
        return made

    def cell(self, old: types.CellType) -> types.CellType:
        """Build the cell of a closure's variable anew."""
        made = self._cell(old)
        if not is_filled(made) and is_filled(old):
            made.cell_contents = self.in_function(old.cell_contents)
        return made

    def _cell(self, cell: types.CellType) -> types.CellType:
        """Return an empty cell in place of another, one for all functions that share it."""
        if self.leaves(cell):
            return cell
        return self._made.setdefault(id(cell), (cell, types.CellType()))[1]


def empty_copy(thing: Any) -> Any:
    """Copy a list, dict, module or plain object so that `fill` can give it its contents."""
    if isinstance(thing, nn.Module):
        shell = object.__new__(type(thing))
        vars(shell).update(vars(thing))
        return shell
    return copy.copy(thing)


def _sequence(new: AbstractRebuilder, thing: Any) -> Any:
    parts = [new(part) for part in thing]
    if not _differ(parts, thing):
        return thing
    return type(thing)(*parts) if hasattr(thing, "_fields") else type(thing)(parts)


def _partial(new: AbstractRebuilder, thing: partial[Any]) -> partial[Any]:
    function, args = new(thing.func), [new(part) for part in thing.args]
    words = {name: new(held) for name, held in thing.keywords.items()}
    made = partial(function, *args, **words)
    vars(made).update({name: new(held) for name, held in vars(thing).items()})
    return made


def _method(new: AbstractRebuilder, thing: types.MethodType) -> Any:
    owner, function = new(thing.__self__), new(thing.__func__)
    if owner is thing.__self__ and function is thing.__func__:
        return thing
    if type(owner) is not type(thing.__self__) and hasattr(owner, function.__name__):
        return getattr(owner, function.__name__)  # another class has its own method of that name
    return types.MethodType(function, owner)


def _weak(new: AbstractRebuilder, thing: Any) -> Any:
    target = referent(thing)
    if target is None:
        return thing
    after = new(target)
    if after is target:
        return thing
    return weakref.ref(after) if issubclass(type(thing), weakref.ref) else weakref.proxy(after)


def _differ(after: Any, before: Any) -> bool:
    return any(a is not b for a, b in zip(after, before, strict=True))


_IMMUTABLE: dict[Any, Callable[[AbstractRebuilder, Any], Any]] = {
    (weakref.ref, *weakref.ProxyTypes): _weak,
    (tuple, frozenset): _sequence,
    partial: _partial,
    types.MethodType: _method,
    types.FunctionType: AbstractRebuilder.function,
    types.CellType: AbstractRebuilder.cell,
}
