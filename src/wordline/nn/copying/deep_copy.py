"""Deep copies of modules with all that they hold, functions and weak references included."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from .reachable import reachable
from .rewriter import Rewriter


def deep_copy(
    model: nn.Module,
    memo: dict[int, Any] | None = None,
    by: Callable[[Any, dict[int, Any]], Any] = copy.deepcopy,
) -> Any:
    """Copy a module with lists, closures, bound methods, hooks and weak references to its parts.

    `copy.deepcopy` takes functions as they are, so that a copied function would go on calling the
    original's layers. Here functions that reach the module through their closure are built anew
    around the copy, and what `torch.compile` wrapped is unwrapped: it computes the same. `memo`: as
    `copy.deepcopy` takes it; `by`: copies everything but functions.

    >>> def wrapped(net):
    ...     net.forward = lambda x: net[0](x)
    ...     return net
    >>> copied = deep_copy(wrapped(nn.Sequential(nn.Linear(2, 2))))
    >>> copied.forward.__closure__[0].cell_contents is copied
    True
    """
    memo = {} if memo is None else memo
    held = [thing for thing, _ in reachable(model)]
    # Torch cannot copy tensors within a graph, such as the weight that a pruning mask left.
    memo |= {id(t): _detached(t) for t in held if isinstance(t, Tensor) and _is_computed(t)}
    # As deepcopy does: nothing in here may be freed, for ids stand for it.
    memo.setdefault(id(memo), []).extend(held)
    # A proxy would be copied as what it stands for; the rewriter makes one of the copy instead.
    proxies = {id(t): t for t in held if issubclass(type(t), weakref.ProxyTypes)}
    memo |= proxies
    copied = by(model, memo)
    for address in proxies:
        del memo[address]
    made = {id(thing) for thing in memo.values()}

    def copied_with(thing: Any) -> Any:
        own = copy.deepcopy(thing, memo)
        made.update(id(part) for part in memo.values())
        return own

    Rewriter(memo, copied_with, shared=lambda thing: id(thing) not in made).rewrite(copied)
    return copied


def copy_by_state(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Copy a module by its state, past the `__deepcopy__` of its class."""
    copied: nn.Module = object.__new__(type(module))
    memo[id(module)] = copied
    copied.__setstate__(copy.deepcopy(module.__getstate__(), memo))
    return copied


def _is_computed(tensor: Tensor) -> bool:
    """Tell whether a tensor is the result of a graph."""
    return not isinstance(tensor, nn.Parameter) and not tensor.is_leaf


def _detached(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)
