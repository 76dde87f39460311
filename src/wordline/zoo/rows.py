"""What every source of a data set delivers: labelled pictures, still encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """One split; `encoded()` walks over (what to call the picture, its file content), in the order of `labels`."""

    where: str
    classes: tuple[str, ...]
    labels: list[int]
    encoded: Callable[[], Iterator[tuple[str, bytes]]]


@dataclass(frozen=True)
class Columns:
    """What a table calls its pictures and labels, by preference, and how many classes there are if it does not say."""

    image: tuple[str, ...]
    label: tuple[str, ...]
    classes: int
