"""A cell: the work behind one result, and everything that decides the result."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from ..datasets import ImageData
from ..progress import AbstractProgress
from ..values import Value, require_integer
from .cache import Tensors


class Loader(Protocol):
    """Services for cells and their inputs: data sets by name, memory, and a cache on disk.

    A loader knows neither cells nor inputs; `Store` is the one that wordline has.
    """

    @property
    def memory(self) -> dict[Hashable, Any]:
        """Objects that the cells of this process share, by everything that decides them."""

    @property
    def progress(self) -> AbstractProgress:
        """The display of long work, such as training a network."""

    def data(self, name: str, side: int = 0) -> ImageData:
        """Return a data set by name, of images of a side; 0 is its own."""

    def tensors(self, kind: str, made_by: tuple[str, ...], make: Callable[[], Tensors]) -> Tensors:
        """Return tensors from the cache; `made_by` must state everything that decides them."""

    def folder(self, kind: str, made_by: tuple[str, ...], otherwise: Path) -> Path:
        """Return the folder where interrupted work on these tensors can be resumed."""


class AbstractInput(Value, abc.ABC):
    """An input of a cell, given by name: images or a network.

    A pinned input also carries the fingerprint of its content.
    """

    @abc.abstractmethod
    def pinned(self, loader: Loader) -> Self:
        """Return a copy with the fingerprint of the content."""


def content_key(value: Value) -> str:
    """Hash a value's content to twenty hex digits."""
    return hashlib.sha256(value.identity().encode()).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True)
class AbstractCell(Value, abc.ABC):
    """The work behind one result; `run` is a pure function of the fields.

    A study lists cells that name their networks and images; `pinned` adds the fingerprints of
    their contents, and `key` is the hash of all of it. Batch size, threads and device decide how
    floats are rounded, so they are part of every cell. A new kind of cell is a frozen dataclass
    of JSON-able fields with `label` and `run`:

    >>> from wordline.records.record import Estimate
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Share(AbstractCell):
    ...     hits: int
    ...     label = "share"
    ...     def run(self, loader):
    ...         return Estimate(self.hits / 4, 0.0, 1.0)
    >>> from wordline.runs import Store
    >>> Share(hits=1).run(Store()).value, Share(hits=1).key == Share(hits=1, threads=2).key
    (0.25, False)
    """

    batch_size: int = 100
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        require_integer("batch_size", self.batch_size, at_least=1)
        require_integer("threads", self.threads, at_least=1)

    @property
    def key(self) -> str:
        """The key of the result in a journal."""
        return content_key(self)

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """A few words for the progress display."""

    @abc.abstractmethod
    def run(self, loader: Loader) -> Value:
        """Compute the result: a Record, an Audit or any other value."""

    def pinned(self, loader: Loader) -> Self:
        """Return the cell with its inputs pinned; networks yet to be trained are trained now."""
        named = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        pins = {k: v.pinned(loader) for k, v in named.items() if isinstance(v, AbstractInput)}
        return dataclasses.replace(self, **pins)  # type: ignore[arg-type]  # a subclass's fields


@dataclass(frozen=True)
class CellResult(Value):
    """A result with its cell, for tables whose rows and columns are fields of the cell."""

    cell: AbstractCell
    result: Value
