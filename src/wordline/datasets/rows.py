"""Labelled pictures, not decoded yet: the form in which every source of a data set delivers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .classes import Classes
from .pictures import decode

Encoded = Callable[[], Iterator[tuple[str, bytes]]]  # (what to call the picture, its file content), by turns


@dataclass(frozen=True)
class Rows:
    """One split, or one file of it: `names[k]` is what it calls label k, or `()` where it names none.

    `pixels(side)` decodes the pictures in the order of `labels`, to uint8 `(N, 3, side, side)`.
    """

    where: str
    names: tuple[str, ...]
    labels: list[int]
    pixels: Callable[[int], Tensor]

    @classmethod
    def of(cls, where: str, names: tuple[str, ...], labels: list[int], encoded: Encoded) -> Rows:
        """The rows of encoded pictures."""
        return cls(where, names, labels, lambda side: decode(encoded(), len(labels), side))

    def labelled_as(self, classes: Classes) -> Rows:
        """The same rows with the labels that the data set gives these names."""
        count = len(self.names or classes.names)
        for label in (min(self.labels, default=0), max(self.labels, default=0)):
            if not 0 <= label < count:
                raise ValueError(f"`root` has the label {label} in {self.where}; labels must be 0 to {count - 1}")
        own = classes.labels(self.names, self.where)
        return replace(self, labels=[own[label] for label in self.labels], names=classes.shown(self.names))


def joined(parts: list[Rows], where: str) -> Rows:
    """Files of one split, one after the other; each already has the labels of the data set."""
    for part in parts:
        if part.names != parts[0].names:
            raise ValueError(
                f"`root` names classes in {parts[0].where} and numbers them in {part.where}, or vice versa"
            )
    if len(parts) == 1:
        return parts[0]
    labels = [label for part in parts for label in part.labels]
    filled = [part for part in parts if part.labels]
    return Rows(where, parts[0].names, labels, lambda side: torch.cat([part.pixels(side) for part in filled]))


@dataclass(frozen=True)
class Columns:
    """Names of the columns of pictures and of labels in a table, by preference."""

    image: tuple[str, ...]
    label: tuple[str, ...]
