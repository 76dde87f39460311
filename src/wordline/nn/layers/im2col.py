"""im2col and col2im: feature maps as one vector for each position of a kernel, and back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Indices = NDArray[np.int64]


class Windows(NamedTuple):
    """Size, stride and dilation of a kernel's windows, one number for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def positions(self, size: Sequence[int]) -> tuple[int, ...]:
        """Count the positions along each axis of padded maps of this size.

        >>> Windows((3, 3), (1, 2), (1, 1)).positions((8, 8))
        (6, 3)
        """
        axes = zip(size, *self, strict=True)
        return tuple((n - (k - 1) * gap - 1) // step + 1 for n, k, step, gap in axes)

    def covered(self, positions: Sequence[int]) -> tuple[int, ...]:
        """Return the size of the smallest maps that have so many positions along each axis."""
        axes = zip(positions, *self, strict=True)
        return tuple((n - 1) * step + gap * (k - 1) + 1 for n, k, step, gap in axes)


def im2col(maps: Tensor, windows: Windows, groups: int) -> Tensor:
    """Lay padded maps `(samples, channels, *size)` out as `(groups, samples * positions, K)`.

    K runs over the channels of a group and the positions within the kernel.

    >>> im2col(torch.arange(4.0).view(1, 1, 4), Windows((2,), (2,), (1,)), groups=1).tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    for axis, (size, step, gap) in enumerate(zip(*windows, strict=True)):
        maps = maps.unfold(2 + axis, (size - 1) * gap + 1, step)[..., ::gap]
    # (groups, samples, channels, *positions, *kernel)
    grouped = maps.unflatten(1, (groups, -1)).movedim(1, 0)
    dims = len(windows.kernel)
    return grouped.movedim(2, 2 + dims).flatten(2 + dims).flatten(1, -2)


def im2col_indices(shape: torch.Size, windows: Windows, groups: int) -> tuple[Indices, Indices]:
    """Find input k of vector n at `starts[n] + offsets[group, k]` of contiguous padded maps."""
    first, offsets = _one_sample(tuple(shape[1:]), windows, groups)
    return (np.arange(shape[0])[:, None] * prod(shape[1:]) + first).ravel(), offsets


@lru_cache(maxsize=256)
def _one_sample(size: tuple[int, ...], windows: Windows, groups: int) -> tuple[Indices, Indices]:
    indices = im2col(torch.arange(prod(size)).view(1, *size), windows, groups).numpy()
    return indices[0, :, 0].copy(), indices[:, 0, :].copy()


def col2im(columns: Tensor, size: Sequence[int], windows: Windows) -> Tensor:
    """Add overlapping windows `(..., *positions, *kernel)` up to maps `(..., *size)`.

    >>> col2im(torch.ones(3, 2), (4,), Windows((2,), (1,), (1,))).tolist()
    [1.0, 2.0, 2.0, 1.0]
    """
    dims = len(windows.kernel)
    positions = columns.shape[-2 * dims : -dims]
    maps = columns.new_zeros(*columns.shape[: -2 * dims], *size)
    offsets: Any = itertools.product(*map(range, windows.kernel))
    for offset in offsets:
        axes = zip(offset, positions, windows.stride, windows.dilation, strict=True)
        window: tuple[Any, ...] = tuple(
            slice(at * gap, at * gap + (n - 1) * step + 1, step) for at, n, step, gap in axes
        )
        maps[(..., *window)] += columns[(..., *offset)]
    return maps
