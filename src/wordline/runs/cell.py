"""A cell: one result's worth of work, and everything that decides the result."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..values import Value, require_integer

if TYPE_CHECKING:
    from .store import Store


def content_key(value: Value) -> str:
    """Twenty hex digits of a value's content."""
    return hashlib.sha256(value.identity().encode()).hexdigest()[:20]


class AbstractIngredient(Value, abc.ABC):
    """What a cell names and the store brings: images or a network. Pinned, it also says its content."""

    @abc.abstractmethod
    def pinned(self, store: Store) -> Self:
        """The same ingredient with the fingerprint of what the store brings for it."""


@dataclass(frozen=True, kw_only=True)
class AbstractCell(Value, abc.ABC):
    """One result's worth of work: `run` is a pure function of the fields, so that every process gets the same bits.

    A study lists cells that name their networks and images; `pinned` adds the fingerprints of what stands behind the
    names, and `key` is the hash of all of it. Batch size, threads and device decide how floats are rounded, so they
    are part of every cell. A kind of cell of one's own is a frozen dataclass of JSON-able fields with `run`:

    >>> from wordline.records.record import Estimate
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Share(AbstractCell):
    ...     hits: int
    ...     label = "share"
    ...     def run(self, store):
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
        """What the result is found by."""
        return content_key(self)

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """A few words for people who watch."""

    @abc.abstractmethod
    def run(self, store: Store) -> Value:
        """The result: a Record, an Audit or any other value."""

    def pinned(self, store: Store) -> Self:
        """The cell with the fingerprints of its networks and images; a network yet to be trained is trained now."""
        named = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        known = {name: value.pinned(store) for name, value in named.items() if isinstance(value, AbstractIngredient)}
        return dataclasses.replace(self, **known)  # type: ignore[arg-type]  # names of the subclass's own fields
