"""References to some objects replaced by references to others, in place."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, final

from torch import Tensor, nn

from .holders import is_end
from .reachable import reachable
from .rebuild import COMPILED_FROM, AbstractRebuilder

_CALLABLES = (types.FunctionType, types.MethodType, partial)
_BUILT_ANEW = (*_CALLABLES, tuple, frozenset, types.CellType, weakref.ref, *weakref.ProxyTypes)


@final
class Rewriter(AbstractRebuilder):
    """Replaces references to some objects wherever the modules of a network hold them.

    `new`: id of an object -> its replacement. `copied`: copies an object that a function holds and
    that has no replacement. `shared`: tells whether an object is not the network's alone, so that
    it has to stay as it is.
    """

    def __init__(
        self,
        new: Mapping[int, Any],
        copied: Callable[[Any], Any] = lambda thing: thing,
        shared: Callable[[Any], bool] = lambda thing: False,
    ) -> None:
        super().__init__(new)
        self.copied, self.shared = copied, shared

    def rewrite(self, root: nn.Module) -> None:
        """Rewrite what every module of a tree holds, parameters and buffers excepted."""
        for module in list(root.modules()):
            self.fill(module, module)

    def leaves(self, thing: Any) -> bool:
        if is_end(thing):
            return True
        if issubclass(type(thing), types.FunctionType):
            return not hasattr(thing, COMPILED_FROM) and not self._leads_anywhere(thing)
        return not issubclass(type(thing), _BUILT_ANEW) and self.shared(thing)

    def target(self, thing: Any) -> Any:
        return thing

    def in_function(self, held: Any) -> Any:
        """Rewrite a function or method; give another object a copy of its own first."""
        if issubclass(type(held), _CALLABLES) or id(held) in self.new or id(held) in self._made:
            return self(held)
        return self(self.copied(held)) if self._leads_anywhere(held) else held

    def _leads_anywhere(self, thing: object) -> bool:
        """Tell whether an object leads to a module, a tensor or a replaced object."""
        return any(
            isinstance(inner, nn.Module | Tensor) or id(inner) in self.new
            for inner, _ in reachable(thing)
        )
