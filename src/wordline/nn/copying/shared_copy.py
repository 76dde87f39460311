"""Copies of a network with other modules in some places, which share everything else with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from torch import nn

from .holders import Contents, contents, walk
from .rebuild import AbstractRebuilder, empty_copy


@final
class SharedCopies:
    """Copies of a network in which every module of a class is replaced by another.

    A copy has its own of what leads from the network to these modules, and of nothing else:
    containers with their plain attributes, lists, tuples, sets, dictionaries, plain objects, bound
    methods, partial functions, closures and weak references. Parameters, buffers and modules off
    these ways are the network's own. A copy follows the network as it is now, and is made for one
    pass.

    >>> network = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout()))
    >>> copy = SharedCopies(network, nn.Dropout).with_modules(lambda dropout: nn.Tanh())
    >>> copy[0] is network[0], copy[1][0], network[1][0]
    (True, Tanh(), Dropout(p=0.5, inplace=False))
    """

    def __init__(self, network: nn.Module, replaced: type[nn.Module]) -> None:
        def inside(holder: Any) -> Contents:
            return [] if issubclass(type(holder), replaced) else contents(holder)

        self.network = network
        self.replaced: list[Any] = []
        held_by: dict[int, list[Any]] = {}
        for holder, _, held in walk(network, inside):
            if issubclass(type(holder), replaced):
                self.replaced.append(holder)
            for _, value in held:
                held_by.setdefault(id(value), []).append(holder)
        self.ways: dict[int, Any] = {}  # id -> object that leads to a replaced module
        waiting = list(self.replaced)
        while waiting:
            value = waiting.pop()
            if id(value) not in self.ways:
                self.ways[id(value)] = value
                waiting.extend(held_by.get(id(value), ()))

    def with_modules(self, choose: Callable[[Any], nn.Module]) -> nn.Module:
        """Return a copy with `choose(module)` in place of every module that is replaced."""
        rebuilder = _Copier({id(module): choose(module) for module in self.replaced}, self.ways)
        copied: nn.Module = rebuilder(self.network)
        return copied


@final
class _Copier(AbstractRebuilder):
    """Copies the ways to replaced modules."""

    def __init__(self, new: dict[int, Any], ways: dict[int, Any]) -> None:
        super().__init__(new)
        self.ways = ways

    def leaves(self, thing: Any) -> bool:
        return id(thing) not in self.ways

    def target(self, thing: Any) -> Any:
        return empty_copy(thing)

    def in_function(self, held: Any) -> Any:
        return self(held)
