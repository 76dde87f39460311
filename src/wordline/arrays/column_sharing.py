"""Arrays that see the same volts, side by side: one wide array to multiply with, and where its columns belong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

At = tuple[int | slice, ...]


def sharing(volts: Tensor, answers: Tensor) -> Iterator[At]:
    """Entries of the leading dimensions of `answers`, one for each of `volts`: what it is broadcast along is whole."""
    if not answers.numel():
        return
    lead = answers.shape[:-2]
    own = (1,) * (len(lead) - volts.dim() + 2) + volts.shape[:-2]
    yield from itertools.product(
        *([slice(None)] if kept == 1 else range(size) for size, kept in zip(lead, own, strict=True))
    )


def volts_at(volts: Tensor, lead: torch.Size, at: At) -> Tensor:
    """The volts `(batch, rows)` that all arrays of an entry see, as a view."""
    return volts.expand(*lead, *volts.shape[-2:])[tuple(0 if isinstance(i, slice) else i for i in at)]


@dataclass(frozen=True)
class Together:
    """Some arrays, columns side by side.

    Args:
        programmed: `(numbers, arrays * cols)`.
        places: for each of the arrays, all places that it answers for, in the entry's leading dimensions.
        samples: to be read at once.
    """

    programmed: Tensor
    places: tuple[tuple[tuple[int, ...], ...], ...]
    samples: int

    def parts(self, batch: int) -> list[slice]:
        """The batch, some samples at a time."""
        return [slice(start, start + self.samples) for start in range(0, batch, self.samples)]

    def scatter(self, found: Tensor, answers: Tensor, part: slice) -> None:
        """Put currents `(samples, arrays * cols)` where they belong in the entry's answers."""
        for columns, places in zip(found.chunk(len(self.places), -1), self.places, strict=True):
            for place in places:
                answers[place][part] = columns

    def gather(self, answers: Tensor, part: slice) -> Tensor:
        """The adjoint of `scatter`: places of one array are summed."""
        found = answers.new_empty(len(answers[self.places[0][0]][part]), self.programmed.shape[-1])
        for columns, places in zip(found.chunk(len(self.places), -1), self.places, strict=True):
            columns.copy_(answers[places[0]][part])
            for place in places[1:]:
                columns += answers[place][part]
        return found

    def add(self, found: Tensor, programmed: Tensor) -> None:
        """Add `(numbers, arrays * cols)` to what the entry's arrays were programmed to, `(..., numbers, cols)`."""
        for columns, places in zip(found.chunk(len(self.places), -1), self.places, strict=True):
            for place in places:
                programmed[place].add_(columns)


def together(programmed: Tensor, *, alike: bool, columns: int, cells: int) -> Iterator[Together]:
    """Arrays `(..., numbers, cols)` of one entry, about `columns` columns at a time and `cells` answers.

    `alike`: arrays of equal numbers are read once, for all their places.
    """
    *shape, _, cols = programmed.shape
    groups: list[list[tuple[int, ...]]] = []
    known: dict[bytes, list[int]] = {}
    for place in itertools.product(*map(range, shape)):
        one = programmed[place]
        twins = known.setdefault(one[-1].numpy().tobytes(), []) if alike else []  # the skip knows all conductances
        for twin in twins:
            if torch.equal(programmed[groups[twin][0]], one):
                groups[twin].append(place)
                break
        else:
            twins.append(len(groups))
            groups.append([place])
    size = max(1, columns // cols)
    for few in (groups[start : start + size] for start in range(0, len(groups), size)):
        wide = torch.cat([programmed[places[0]] for places in few], -1)
        yield Together(wide, tuple(map(tuple, few)), max(1, cells // wide.shape[-1]))
