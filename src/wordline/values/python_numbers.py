"""Numbers of numpy and torch as Python's own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def python_number(value: Any, name: str = "value") -> Any:
    """Convert a number, truth value or string of numpy or torch; return anything else as it is.

    Raises TypeError for a tensor that a gradient flows from: a configuration would stop it.

    >>> python_number(np.float64(0.5)), python_number((np.int64(3), np.bool_(True)))
    (0.5, (3, True))
    >>> python_number(np.array(2))
    2
    """
    if type(value) is tuple:
        return tuple(python_number(item, name) for item in value)
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.integer | np.bool_ | np.str_):
        return value.item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    torch = sys.modules.get("torch")  # who has not imported it has no tensor
    if torch is not None and isinstance(value, torch.Tensor) and value.ndim == 0:
        if value.requires_grad:
            raise TypeError(
                f"`{name}` is a tensor with a gradient, which would stop here; pass `{name}.item()`"
            )
        return value.item()
    return value


def takes_numbers(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it receives numpy's numbers as Python's own.

    A seed, for example, is part of a text that is hashed.
    """

    @functools.wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        by_name = {name: python_number(value, name) for name, value in named.items()}
        return function(*(python_number(value) for value in args), **by_name)

    return call
