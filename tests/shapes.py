"""Checks of tensor shapes in signatures, while the tests run.

The rule: a function's own errors come first; what it let through must fit the annotated shapes, and
so must what it returns. Hence the check of arguments runs after the call, together with that of the
result, and only annotations that name a jaxtyping tensor are looked at. Plain types are mypy's
matter, and wrong ones from users are the library's own readable errors.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from beartype import beartype
from jaxtyping import AbstractArray


def checked_after_the_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """The type checker handed to jaxtyping's import hook.

    jaxtyping makes two empty twins of every function: one to check the arguments before the call
    (its result is annotated `Any`), and one, with the result as a further keyword argument, to
    check everything after the call. The first is left unchecked, the second keeps the annotations
    that hold shapes.
    """
    if not _takes_result(function):
        return function
    shaped = {
        name: hint for name, hint in function.__annotations__.items() if _names_a_tensor(hint)
    }
    if not shaped:
        return function
    function.__annotations__ = shaped
    return beartype(function)


def _takes_result(function: Callable[..., Any]) -> bool:
    code = function.__code__
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return bool(keywords) and keywords[-1].startswith("ret") and keywords[-1][3:].isdigit()


def _names_a_tensor(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(_names_a_tensor(part) for part in typing.get_args(hint))


@cache
def is_plain_python(module: str) -> bool:
    """Say whether a module may be instrumented: not if numba compiles functions in it."""
    if module != "wordline" and not module.startswith("wordline."):
        return False
    source = Path(__file__).parents[1] / "src" / Path(*module.split("."))
    files = [path for path in (source.with_suffix(".py"), source / "__init__.py") if path.is_file()]
    return not any("from numba import" in path.read_text() for path in files)
