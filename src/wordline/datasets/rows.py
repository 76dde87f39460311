"""Labelled pictures that are not decoded yet: the form in which every source delivers a split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from .classes import Classes
from .pictures import decode

PictureFiles = Callable[
    [], Iterator[tuple[str, bytes]]
]  # (name of the picture, content of its file)


@final
@dataclass(frozen=True)
class Rows:
    """One split, or one file of it.

    `where`: the file or folder, for messages. `names[k]`: the file's name of label k; `()` where it
    gives none. `pixels(side)` decodes the pictures, in the order of `labels`, to uint8
    `(N, 3, side, side)`.
    """

    where: str
    names: tuple[str, ...]
    labels: list[int]
    pixels: Callable[[int], Tensor]

    @classmethod
    def of(
        cls, where: str, names: tuple[str, ...], labels: list[int], pictures: PictureFiles
    ) -> Rows:
        """Make rows of encoded pictures."""
        return cls(where, names, labels, lambda side: decode(pictures(), len(labels), side))

    def relabel(self, classes: Classes) -> Rows:
        """Return the rows with the labels that the data set gives their class names."""
        count = len(self.names or classes.names)
        for label in (min(self.labels, default=0), max(self.labels, default=0)):
            if not 0 <= label < count:
                raise ValueError(
                    f"`root` has the label {label} in {self.where}; labels must be 0 to {count - 1}"
                )
        own = classes.labels(self.names, self.where)
        labels = [own[label] for label in self.labels]
        return replace(self, labels=labels, names=classes.display_names(self.names))


@final
@dataclass(frozen=True)
class Source:
    """A place that holds one split: its path, for messages, and a function that reads it."""

    where: str
    read: Callable[[], list[Rows]]


def concatenate(parts: list[Rows]) -> Rows:
    """Join the files of one split, in order; each already has the labels of the data set."""
    first, *others = parts
    for part in others:
        if part.names != first.names:
            raise ValueError(
                f"`root` names classes in {first.where} and numbers them in {part.where}, "
                "or vice versa"
            )
    if not others:
        return first
    where = ", ".join(part.where for part in parts[:3])
    filled = [part for part in parts if part.labels]
    labels = [label for part in parts for label in part.labels]
    return Rows(
        where, first.names, labels, lambda side: torch.cat([part.pixels(side) for part in filled])
    )
