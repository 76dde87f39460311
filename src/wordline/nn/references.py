"""References that a network holds beside registered modules: in lists, closures, methods, hooks, weak references."""

from __future__ import annotations

import dis
import functools
import gc
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

# Where a search ends: these lead to everything that Python has loaded, or hold nothing.
_ENDS = (type, types.ModuleType, types.FrameType, types.CodeType, types.BuiltinFunctionType, Tensor, str, bytes, int)
_REGISTERED = ("_modules", "_parameters", "_buffers")
_OWN = "_torchdynamo_orig_callable"  # the function that torch.compile wrapped


def reachable(root: object, *, leave: frozenset[int] = frozenset()) -> Iterator[tuple[object, str]]:
    """Yield every object that `root` leads to, with a path in words, but for `leave` (ids) and what lies behind them.

    Follows whatever the garbage collector knows, and weak references; of a function its closure and defaults, not the
    globals of its file.
    """
    seen, queue = {id(root), *leave}, deque([(root, "")])
    while queue:
        thing, path = queue.popleft()
        yield thing, path
        if isinstance(thing, _ENDS):
            continue
        for inner, step in _inside(thing):
            if id(inner) not in seen:
                seen.add(id(inner))
                queue.append((inner, f"{path}{step}"))


def _inside(thing: object) -> Iterator[tuple[object, str]]:
    if isinstance(thing, types.FunctionType):
        for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True):
            if (content := _content(cell)) is not None:
                yield content, f" > {name!r} of the function {thing.__name__!r}"
        for held in (thing.__defaults__, thing.__kwdefaults__, vars(thing)):
            yield held, f" > the function {thing.__name__!r}"
    elif (target := referent(thing)) is not None:  # before modules: a proxy passes for what it stands for
        yield target, " > a weak reference"
    elif isinstance(thing, nn.Module):
        for name, held in vars(thing).items():
            if name in _REGISTERED:
                for key, part in held.items():
                    yield part, f".{key}"
            else:
                yield held, f".{name}"
    elif isinstance(thing, dict):
        for key, held in thing.items():
            yield key, ""
            yield held, f"[{key!r}]"
    elif isinstance(thing, list | tuple):
        yield from ((held, f"[{at}]") for at, held in enumerate(thing))
    else:
        yield from ((held, "") for held in gc.get_referents(thing))


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def referent(thing: object) -> object:
    """The object that a weak reference or proxy stands for; None where it is neither, or dead."""
    if isinstance(thing, weakref.ref):
        return thing()
    if isinstance(thing, weakref.ProxyTypes):
        try:
            return thing.__init__.__self__
        except ReferenceError:
            return None
    return None


def functions(module: nn.Module) -> Iterator[types.FunctionType]:
    """Yield the user's functions that a module computes with: `forward`, methods it calls, those on the instance."""
    methods: dict[str, types.FunctionType] = {}
    for kind in type(module).__mro__:
        if kind is not object and not kind.__module__.startswith(("torch.", "wordline.")):
            own = {name: value for name, value in vars(kind).items() if isinstance(value, types.FunctionType)}
            methods = own | methods
    called = ["forward"]
    for name in called:
        if name in methods:
            called.extend(word for word in methods[name].__code__.co_names if word in methods and word not in called)
            yield methods[name]
    for value in vars(module).values():
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            yield function


def global_values(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """Yield the global variables that a function reads, nested functions included."""
    names = _globals_read(function.__code__)
    yield from ((name, function.__globals__[name]) for name in names if name in function.__globals__)


@functools.cache
def _globals_read(code: types.CodeType) -> tuple[str, ...]:
    nested = (part for part in code.co_consts if isinstance(part, types.CodeType))
    own = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return tuple(sorted(own.union(*map(_globals_read, nested))))


class Rewriter:
    """Replaces references to some objects by references to others, wherever a network's modules hold them.

    `new`: id of an object -> what takes its place. `copied`: makes an own copy of an object that a function holds and
    that is not in `new`. `shared`: whether an object is not the network's alone, so that it has to stay as it is.
    Lists, dicts and plain objects are changed in place; tuples, partial functions, bound methods and functions with
    closures are built anew where they lead to an object that is replaced.
    """

    def __init__(
        self,
        new: Mapping[int, Any],
        copied: Callable[[Any], Any] = lambda thing: thing,
        shared: Callable[[Any], bool] = lambda thing: False,
    ) -> None:
        self.new, self.copied, self.shared = new, copied, shared
        self._done: dict[int, tuple[object, object]] = {}  # the first entry keeps the id from being used again

    def rewrite(self, root: nn.Module) -> None:
        """Rewrite what every module of a tree holds beside registered modules, parameters and buffers."""
        for module in list(root.modules()):
            self._attributes(module)

    def _attributes(self, thing: Any) -> None:
        for name, held in list(vars(thing).items()):
            if not (isinstance(thing, nn.Module) and name in _REGISTERED):
                after = self(held)
                if after is not held:
                    vars(thing)[name] = after

    def __call__(self, thing: Any) -> Any:
        """The object itself, changed in place where it can be, or what takes its place."""
        if id(thing) in self.new:
            return self.new[id(thing)]
        if id(thing) in self._done:
            return self._done[id(thing)][1]
        if isinstance(thing, _ENDS) or thing is None:
            return thing
        self._done[id(thing)] = (thing, thing)
        after = self._rewritten(thing)
        self._done[id(thing)] = (thing, after)
        return after

    def _rewritten(self, thing: Any) -> Any:
        if isinstance(thing, types.FunctionType):
            return self._function(thing)
        if isinstance(thing, types.MethodType):
            return self._method(thing)
        if isinstance(thing, functools.partial):
            return self._partial(thing)
        if isinstance(thing, tuple | frozenset):
            parts = [self(part) for part in thing]
            if all(a is b for a, b in zip(parts, thing, strict=True)):
                return thing
            return type(thing)(*parts) if hasattr(thing, "_fields") else type(thing)(parts)
        if (target := referent(thing)) is not None:
            after = self(target)
            kind = weakref.ref if isinstance(thing, weakref.ref) else weakref.proxy
            return thing if after is target else kind(after)
        if self.shared(thing):
            return thing
        if isinstance(thing, list | deque):
            for at, part in enumerate(thing):
                thing[at] = self(part)
        elif isinstance(thing, dict):
            self._dict(thing)
        elif isinstance(thing, set):
            members = {self(part) for part in thing}
            thing.clear()
            thing.update(members)
        elif isinstance(thing, nn.Module):
            self.rewrite(thing)
        elif hasattr(thing, "__dict__"):
            self._attributes(thing)
        return thing

    def _dict(self, thing: dict[Any, Any]) -> None:
        pairs = [(self(key), self(value)) for key, value in thing.items()]
        if any(a is not c or b is not d for (a, b), (c, d) in zip(pairs, thing.items(), strict=True)):
            thing.clear()
            thing.update(pairs)

    def _partial(self, thing: functools.partial[Any]) -> functools.partial[Any]:
        function, args, words = self(thing.func), self(thing.args), self(dict(thing.keywords))
        after = functools.partial(function, *args, **words)
        vars(after).update({name: self(held) for name, held in vars(thing).items()})
        return after

    def _method(self, thing: types.MethodType) -> Any:
        owner = self(thing.__self__)
        function = self(thing.__func__)
        if owner is thing.__self__ and function is thing.__func__:
            return thing
        if type(owner) is not type(thing.__self__) and hasattr(owner, function.__name__):
            return getattr(owner, function.__name__)  # another class of module has a method of its own of that name
        return types.MethodType(function, owner)

    def _function(self, thing: types.FunctionType) -> Any:
        if hasattr(thing, _OWN):  # compiled again by whoever wants to: what it computes is the plain function
            return self(getattr(thing, _OWN))
        if not any(isinstance(held, nn.Module | Tensor) or id(held) in self.new for held, _ in reachable(thing)):
            return thing
        cells = tuple(types.CellType() for _ in thing.__closure__ or ())
        after = types.FunctionType(thing.__code__, thing.__globals__, thing.__name__, None, cells or None)
        self._done[id(thing)] = (thing, after)  # before its cells: a function may hold itself
        for cell, old in zip(cells, thing.__closure__ or (), strict=True):
            if (held := _content(old)) is not None:
                cell.cell_contents = self._held(held)
        defaults, words = thing.__defaults__, thing.__kwdefaults__
        after.__defaults__ = None if defaults is None else tuple(self._held(d) for d in defaults)
        after.__kwdefaults__ = None if words is None else {n: self._held(d) for n, d in words.items()}
        after.__qualname__, after.__doc__, after.__module__ = thing.__qualname__, thing.__doc__, thing.__module__
        vars(after).update({name: self._held(held) for name, held in vars(thing).items()})
        return after

    def _held(self, held: Any) -> Any:
        """An object in a closure: a function or method is rewritten, another gets a copy of its own first."""
        callable_ = isinstance(held, types.FunctionType | types.MethodType | functools.partial)
        if callable_ or id(held) in self.new or id(held) in self._done:
            return self(held)
        if not any(isinstance(inner, nn.Module | Tensor) for inner, _ in reachable(held)):
            return held
        return self(self.copied(held))
