"""Pickles of plain arrays, such as the CIFAR archives, read without running anything of theirs.

A pickle is a program. Here the only names it may call are those by which numpy writes an array of integers, and each
is answered by a few lines of this file: nothing is imported, and nothing of numpy's own unpickling runs.
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
    """Content of a pickle: dicts, lists, text, bytes, numbers, and numpy arrays of integers.

    Text of Python 2 comes as bytes. Raises ValueError for a damaged file and for a pickle that names anything else,
    of which nothing is run.
    """
    try:
        return _settled(_Plain(io.BytesIO(path.read_bytes()), encoding="bytes").load())
    except _Refused as error:
        raise ValueError(f"`root` holds the pickle {str(path)!r}, which {error}; nothing of it was run") from error
    except Exception as error:  # a damaged pickle fails in a dozen ways
        raise ValueError(f"`root` holds a damaged pickle, {str(path)!r} ({error!r}); fetch it again") from error


class _Refused(Exception):  # noqa: N818 - caught above
    """Raised for a pickle that asks for more than plain data."""


class _Kind:
    """The dtype of an array as it is written: "u1" and then, as a state, its byte order."""

    def __init__(self, code: Any, *_: object) -> None:
        text = code.decode("latin1") if isinstance(code, bytes) else code
        if not isinstance(text, str) or not re.fullmatch(r"[iu][1248]", text):
            raise _Refused(f"holds an array of {text!r}, where only whole numbers belong")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        big = state[1] in (">", b">")
        self.dtype = self.dtype.newbyteorder(">" if big else "<")


class _Array:
    """An array as it is written: empty first, and then its shape, dtype, order and bytes as a state."""

    value = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        content = content.encode("latin1") if isinstance(content, str) else content
        self.value = _array(content, kind, shape, "F" if by_columns else "C")


def _array(content: Any, kind: _Kind, shape: Any, order: Any = "C") -> np.ndarray:
    return np.frombuffer(content, kind.dtype).reshape(shape, order=order)


def _names() -> dict[tuple[str, str], Callable[..., Any]]:
    """Stand-ins by name; made anew each time, since a pickle may set attributes of what it is given."""
    known: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): lambda *_: _Array(),
        ("numpy", "dtype"): lambda *code: _Kind(*code),
        ("_codecs", "encode"): lambda text, _: text.encode("latin1"),  # bytes, as protocols below 3 write them
    }
    for core in ("numpy.core", "numpy._core"):
        known[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
        known[f"{core}.multiarray", "scalar"] = lambda kind, content: int(_array(content, kind, ()))
        known[f"{core}.numeric", "_frombuffer"] = lambda *parts: _array(*parts)
    return known


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _names().get((module, name))
        if found is None:
            raise _Refused(f"would run '{module}.{name}'")
        return found

    def persistent_load(self, _: Any) -> Any:
        raise _Refused("refers to objects outside of it")


def _settled(value: Any) -> Any:
    """The same with arrays in the place of what was built for them, and text as keys."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {key.decode("latin1") if isinstance(key, bytes) else key: _settled(item) for key, item in value.items()}
    return [_settled(item) for item in value] if isinstance(value, list) else value
