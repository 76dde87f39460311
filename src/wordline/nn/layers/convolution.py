"""Convolutions as matrices: K = channels / groups * kernel positions, one vector a position."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional, grad

from .im2col import Windows, im2col
from .product import AbstractProduct

CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_INPUT_GRADIENTS = {1: grad.conv1d_input, 2: grad.conv2d_input, 3: grad.conv3d_input}


@final
@dataclass(frozen=True)
class ConvProduct(AbstractProduct):
    """x -> W * x + b with a convolution's stride, padding, dilation and groups.

    `border`: padding of both ends of every axis, the last axis first, in torch's order.
    """

    dims: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    border: tuple[int, ...]
    padding_mode: str

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            x = functional.pad(x, self.border, mode=self.padding_mode)
            padding = (0,) * self.dims
        convolve = CONVOLUTIONS[self.dims]
        return convolve(x, weight, bias, self.stride, padding, self.dilation, self.groups)

    @property
    def windows(self) -> Windows:
        """The windows of the kernel in padded maps."""
        return Windows(self.kernel, self.stride, self.dilation)

    def is_batched(self, x: Tensor) -> bool:
        return x.dim() > self.dims + 1

    def padded(self, x: Tensor) -> Tensor:
        """Pad feature maps with their borders."""
        if not any(self.border):
            return x
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return functional.pad(x, self.border, mode=mode)

    def to_vectors(self, x: Tensor) -> Tensor:
        return im2col(self.padded(x), self.windows, self.groups)

    def driven_rows(self, x: Tensor) -> int:
        return x.shape[1] * prod(self.kernel) // self.groups

    def from_vectors(self, y: Tensor, x: Tensor) -> Tensor:
        pads = zip(self.border[-2::-2], self.border[-1::-2], strict=True)
        size = [n + low + high for n, (low, high) in zip(x.shape[2:], pads, strict=True)]
        return self._to_maps(y, x.shape[0], size)

    def add_bias(self, y: Tensor, bias: Tensor | None) -> Tensor:
        return y if bias is None else y + bias.view(-1, *(1,) * self.dims)

    def gradient_of_maps(self, matrix: Tensor, towards: Tensor, shape: torch.Size) -> Tensor:
        """Return the derivative by padded maps of this shape, given that by their products.

        `towards`: the derivative by products `(groups, n, C)` with `matrix` `(groups, K, C)`.
        """
        maps = self._to_maps(towards, shape[0], shape[2:])
        weight = matrix.transpose(1, 2).reshape(self.groups * matrix.shape[2], -1, *self.kernel)
        of = _INPUT_GRADIENTS[self.dims]
        return of(shape, weight, maps, self.stride, 0, self.dilation, self.groups)

    def _to_maps(self, y: Tensor, samples: int, padded_size: Any) -> Tensor:
        """Lay `(groups, samples * positions, C)` out as `(samples, channels, *positions)`."""
        maps = y.unflatten(1, (samples, *self.windows.positions(padded_size)))
        return maps.movedim(-1, 1).movedim(2, 0).flatten(1, 2)


def conv_product(layer: Any, dims: int) -> ConvProduct:
    """Return the product of a convolution of torch."""
    border = tuple(layer._reversed_padding_repeated_twice)  # "same" and "valid" resolved
    return ConvProduct(
        dims, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, border,
        layer.padding_mode,
    )  # fmt: skip
