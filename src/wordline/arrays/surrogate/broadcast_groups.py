"""Grouping of arrays that a broadcast read drives with the same volts.

`volts` `(..., batch, rows)` broadcast against `programmed` `(..., height, cols)`. All arrays that a
voltage batch is broadcast over are set side by side and multiplied as one wide array.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Index = tuple[int | slice, ...]
Position = tuple[int, ...]


def broadcast_groups(volts: Tensor, currents: Tensor) -> Iterator[Index]:
    """Yield one index into the leading dimensions of `currents` for each distinct voltage batch.

    An index has an integer where `volts` has its own entry, and a full slice where `volts` is
    broadcast.
    """
    if not currents.numel():
        return
    lead = currents.shape[:-2]
    own = (1,) * (len(lead) - volts.dim() + 2) + volts.shape[:-2]
    yield from itertools.product(
        *(
            [slice(None)] if volt_size == 1 else range(size)
            for size, volt_size in zip(lead, own, strict=True)
        )
    )


def volts_at(volts: Tensor, lead: torch.Size, index: Index) -> Tensor:
    """Return the volts `(batch, rows)` of a group, as a view."""
    first = tuple(0 if isinstance(i, slice) else i for i in index)
    return volts.expand(*lead, *volts.shape[-2:])[first]


@dataclass(frozen=True)
class StackedArrays:
    """Arrays of one group with their columns side by side.

    Args:
        programmed: `(height, arrays * cols)`.
        positions: for each array, all its positions in the leading dimensions of the group. An
            array that occurs more than once is read once.
        samples: how many samples to read at a time.
    """

    programmed: Tensor
    positions: tuple[tuple[Position, ...], ...]
    samples: int

    def batch_slices(self, batch: int) -> list[slice]:
        """Cut a batch into slices of `samples`."""
        return [slice(start, start + self.samples) for start in range(0, batch, self.samples)]

    def scatter(self, stacked: Tensor, currents: Tensor, batch: slice) -> None:
        """Write currents `(samples, arrays * cols)` to their positions in the group's currents."""
        for columns, positions in self._columns(stacked):
            for position in positions:
                currents[position][batch] = columns

    def gather(self, currents: Tensor, batch: slice) -> Tensor:
        """Apply the adjoint of `scatter`: sum over the positions of each array."""
        samples = len(currents[self.positions[0][0]][batch])
        stacked = currents.new_empty(samples, self.programmed.shape[-1])
        for columns, positions in self._columns(stacked):
            columns.copy_(currents[positions[0]][batch])
            for position in positions[1:]:
                columns += currents[position][batch]
        return stacked

    def add_to(self, programmed: Tensor, stacked: Tensor) -> None:
        """Add `(height, arrays * cols)` to the group's `(..., height, cols)`."""
        for columns, positions in self._columns(stacked):
            for position in positions:
                programmed[position].add_(columns)

    def _columns(self, stacked: Tensor) -> Iterator[tuple[Tensor, tuple[Position, ...]]]:
        yield from zip(stacked.chunk(len(self.positions), -1), self.positions, strict=True)


def stack_arrays(
    programmed: Tensor, *, merge_equal: bool, columns: int, cells: int
) -> Iterator[StackedArrays]:
    """Stack the arrays `(..., height, cols)` of a group, about `columns` columns at a time.

    `merge_equal`: read arrays of equal numbers once; `cells`: samples times columns of a read.
    """
    *shape, _, cols = programmed.shape
    distinct: list[list[Position]] = []
    candidates: dict[bytes, list[int]] = {}
    for position in itertools.product(*map(range, shape)):
        array = programmed[position]
        # The last row depends on all conductances of its column: a cheap key for equal arrays.
        key = array[-1].numpy().tobytes() if merge_equal else b""
        same_key = candidates.setdefault(key, []) if merge_equal else []
        for number in same_key:
            if torch.equal(programmed[distinct[number][0]], array):
                distinct[number].append(position)
                break
        else:
            same_key.append(len(distinct))
            distinct.append([position])
    size = max(1, columns // cols)
    for start in range(0, len(distinct), size):
        positions = tuple(map(tuple, distinct[start : start + size]))
        wide = torch.cat([programmed[own[0]] for own in positions], -1)
        yield StackedArrays(wide, positions, max(1, cells // wide.shape[-1]))
