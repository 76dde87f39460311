"""A copy of a module together with everything that it holds, functions and weak references included."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from .references import Rewriter, reachable


def whole_copy(
    model: nn.Module, memo: dict[int, Any] | None = None, by: Callable[[Any, dict[int, Any]], Any] = copy.deepcopy
) -> Any:
    """Copy a module with lists, closures, bound methods, hooks and weak references that lead to its parts.

    `copy.deepcopy` takes functions as they are, so that a copied function would go on calling the original's layers.
    Here functions that reach the module through their closure are built anew around the copy; what `torch.compile`
    wrapped is unwrapped, for it computes the same. `memo`: as `copy.deepcopy` takes it; `by`: copies all but functions.

    >>> def wrapped(net):
    ...     net.forward = lambda x: net[0](x)
    ...     return net
    >>> copied = whole_copy(wrapped(nn.Sequential(nn.Linear(2, 2))))
    >>> copied.forward.__closure__[0].cell_contents is copied
    True
    """
    memo = {} if memo is None else memo
    held = [thing for thing, _ in reachable(model)]
    # Tensors within a graph cannot be copied by torch: the weight that a pruning mask left, say.
    memo |= {
        id(thing): _apart(thing)
        for thing in held
        if isinstance(thing, Tensor) and not isinstance(thing, nn.Parameter) and not thing.is_leaf
    }
    memo.setdefault(id(memo), []).extend(held)  # as deepcopy does: nothing in here may be freed, for ids name it
    # A proxy would be copied as what it stands for; the rewriter makes one of the copy instead.
    proxies = {id(thing): thing for thing in held if isinstance(thing, weakref.ProxyTypes)}
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


def copy_state(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Copy a module whose class has a `__deepcopy__` of its own, in the way of one that has none."""
    copied: nn.Module = object.__new__(type(module))
    memo[id(module)] = copied
    copied.__setstate__(copy.deepcopy(module.__getstate__(), memo))
    return copied


def _apart(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)
