"""Pickles of plain arrays, such as the CIFAR archives, read without running any of their code.

A pickle is a program. Here the only names it may call are those by which numpy writes an array of
integers, and each is answered by a few lines of this file: nothing is imported, and nothing of
numpy's own unpickling runs.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def read_plain_pickle(path: Path) -> Any:
    """Read a pickle of dicts, lists, text, bytes, numbers, and numpy arrays of integers.

    Text of Python 2 comes as bytes. Raises ValueError for a damaged file and for a pickle that
    names anything else, of which nothing is run.
    """
    try:
        return _unwrap(_Unpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load())
    except _RefusedError as error:
        raise ValueError(
            f"`root` holds the pickle {str(path)!r}, which {error}; nothing of it was run"
        ) from error
    except Exception as error:  # a damaged pickle fails in a dozen ways
        raise ValueError(
            f"`root` holds a damaged pickle, {str(path)!r} ({error!r}); fetch it again"
        ) from error


class _RefusedError(Exception):
    """Raised for a pickle that asks for more than plain data."""


class _DType:
    """Stand-in for a dtype: written as "u1" and then, as a state, its byte order."""

    def __init__(self, code: Any, *_: object) -> None:
        text = code.decode("latin1") if isinstance(code, bytes) else code
        if not isinstance(text, str) or not re.fullmatch(r"[iu][1248]", text):
            raise _RefusedError(f"holds an array of {text!r}, where only whole numbers belong")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        big = state[1] in (">", b">")
        self.dtype = self.dtype.newbyteorder(">" if big else "<")


class _Array:
    """Stand-in for an array: written empty, and then, as a state, shape, dtype, order and bytes."""

    value = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        content = content.encode("latin1") if isinstance(content, str) else content
        self.value = _array(content, kind, shape, "F" if by_columns else "C")


def _array(content: Any, kind: _DType, shape: Any, order: Any = "C") -> np.ndarray:
    return np.frombuffer(content, kind.dtype).reshape(shape, order=order)


def _stand_ins() -> dict[tuple[str, str], Callable[..., Any]]:
    """Stand-ins by name; made anew each time, since a pickle may set attributes of its objects."""
    known: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): lambda *_: _Array(),
        ("numpy", "dtype"): lambda *code: _DType(*code),
        # bytes, as protocols below 3 write them
        ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
    }
    for core in ("numpy.core", "numpy._core"):
        known[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
        known[f"{core}.multiarray", "scalar"] = lambda kind, content: int(_array(content, kind, ()))
        known[f"{core}.numeric", "_frombuffer"] = lambda *parts: _array(*parts)
    return known


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _stand_ins().get((module, name))
        if found is None:
            raise _RefusedError(f"would run '{module}.{name}'")
        return found

    def persistent_load(self, _: Any) -> Any:
        raise _RefusedError("refers to objects outside of it")


def _unwrap(value: Any) -> Any:
    """Replace stand-ins by their arrays, and keys of bytes by text."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {
            key.decode("latin1") if isinstance(key, bytes) else key: _unwrap(item)
            for key, item in value.items()
        }
    return [_unwrap(item) for item in value] if isinstance(value, list) else value
