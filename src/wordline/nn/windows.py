"""Where the windows of a convolution stand in its padded feature maps, and the maps that a derivative by them is of."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional, grad

from .convolution import ConvProduct

Places = NDArray[np.int64]
_BY_INPUTS = {1: grad.conv1d_input, 2: grad.conv2d_input, 3: grad.conv3d_input}


def padded(product: ConvProduct, x: Tensor) -> Tensor:
    """Feature maps with their borders."""
    if not any(product.border):
        return x
    mode = "constant" if product.padding_mode == "zeros" else product.padding_mode
    return functional.pad(x, product.border, mode=mode)


def windows(product: ConvProduct, maps: Tensor) -> Tensor:
    """Padded feature maps -> every position's window `(groups, samples * positions, K)`."""
    for axis, (size, step, gap) in enumerate(zip(product.kernel, product.stride, product.dilation, strict=True)):
        maps = maps.unfold(2 + axis, (size - 1) * gap + 1, step)[..., ::gap]
    grouped = maps.unflatten(1, (product.groups, -1)).movedim(1, 0)  # (groups, samples, channels, *positions, *kernel)
    return grouped.movedim(2, 2 + product.dims).flatten(2 + product.dims).flatten(1, -2)


def places(product: ConvProduct, shape: torch.Size) -> tuple[Places, Places]:
    """Padded maps `shape` -> (starts, offsets): input k of vector n stands at starts[n] + offsets[group, k]."""
    first, offsets = _places(product, tuple(shape[1:]))
    return (np.arange(shape[0])[:, None] * prod(shape[1:]) + first).ravel(), offsets


@lru_cache(maxsize=256)
def _places(product: ConvProduct, size: tuple[int, ...]) -> tuple[Places, Places]:
    indices = windows(product, torch.arange(prod(size)).view(1, *size)).numpy()
    return indices[0, :, 0].copy(), indices[:, 0, :].copy()


def by_inputs(product: ConvProduct, matrix: Tensor, towards: Tensor, shape: torch.Size) -> Tensor:
    """The derivative by padded maps of this shape, from that by their products with `matrix` `(groups, K, C)`."""
    kernel, step, gap = product.kernel, product.stride, product.dilation
    axes = zip(shape[2:], kernel, step, gap, strict=True)
    positions = [(size - (k - 1) * d - 1) // s + 1 for size, k, s, d in axes]
    maps = towards.unflatten(1, (shape[0], *positions)).movedim(-1, 1).movedim(2, 0).flatten(1, 2)
    weight = matrix.transpose(1, 2).reshape(product.groups * matrix.shape[2], -1, *kernel)
    return _BY_INPUTS[product.dims](shape, weight, maps, step, 0, gap, product.groups)
