"""Checks of arguments: each refuses a bad one by name, says what came and what is allowed."""

from __future__ import annotations

import math

import numpy as np


def require_number(
    name: str,
    value: float,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    finite: bool = True,
) -> None:
    """Refuse anything that is not a number in the given range."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a number, got {value!r} of type {type(value).__name__}")
    if math.isnan(value) or (finite and math.isinf(value)):
        raise ValueError(f"`{name}` must be a finite number, got {value}")
    if value < at_least:
        raise ValueError(f"`{name}` must be at least {at_least:g}, got {value:g}")
    if value <= above:
        raise ValueError(f"`{name}` must be greater than {above:g}, got {value:g}")
    if value > at_most:
        raise ValueError(f"`{name}` must be at most {at_most:g}, got {value:g}")


def require_integer(name: str, value: int, *, at_least: int) -> None:
    """Refuse anything that is not a whole number of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        kind = type(value).__name__
        raise TypeError(f"`{name}` must be a whole number, got {value!r} of type {kind}")
    if value < at_least:
        raise ValueError(f"`{name}` must be at least {at_least}, got {value}")


def require_instance(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(k.__name__ for k in kinds)
        got = f"{value!r} of type {type(value).__name__}"
        raise TypeError(f"`{name}` must be {expected}, got {got}")


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among the choices."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}")
