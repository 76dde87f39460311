"""Everything that a network leads to, by its holders and by the garbage collector."""

from __future__ import annotations

import dis
import functools
import gc
import types
import weakref
from collections.abc import Iterator
from typing import Any

from torch import nn

from .holders import SEQUENCES, Contents, contents, walk

_LISTED = (
    nn.Module, dict, *SEQUENCES, types.FunctionType, types.CellType, weakref.ref,
    *weakref.ProxyTypes,
)  # fmt: skip


def reachable(root: object) -> Iterator[tuple[object, str]]:
    """Yield every object that `root` leads to, with a path in words.

    Follows whatever the garbage collector knows, so that objects with `__slots__` are found too,
    and weak references; of a function its closure and defaults, not the globals of its file.
    """
    return ((thing, path) for thing, path, _ in walk(root, _referred_to))


def _referred_to(thing: Any) -> Contents:
    if issubclass(type(thing), _LISTED):
        return contents(thing)
    return [("", held) for held in gc.get_referents(thing)]


def functions(module: nn.Module) -> Iterator[types.FunctionType]:
    """Yield the user's functions that a module computes with.

    They are `forward`, the methods that it calls, and functions on the instance.
    """
    methods: dict[str, types.FunctionType] = {}
    for kind in type(module).__mro__:
        if kind is not object and not kind.__module__.startswith(("torch.", "wordline.")):
            own = {n: f for n, f in vars(kind).items() if isinstance(f, types.FunctionType)}
            methods = own | methods
    called = ["forward"]
    for name in called:
        if name in methods:
            words = methods[name].__code__.co_names
            called.extend(word for word in words if word in methods and word not in called)
            yield methods[name]
    for value in vars(module).values():
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            yield function


def global_values(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """Yield the global variables that a function reads, nested functions included."""
    known = function.__globals__
    yield from ((n, known[n]) for n in _globals_read(function.__code__) if n in known)


@functools.cache
def _globals_read(code: types.CodeType) -> tuple[str, ...]:
    nested = (part for part in code.co_consts if isinstance(part, types.CodeType))
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    own = {i.argval for i in dis.get_instructions(code) if i.opname in loads}
    return tuple(sorted(own.union(*map(_globals_read, nested))))
