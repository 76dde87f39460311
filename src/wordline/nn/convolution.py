"""Convolutions as matrices: K = channels / groups * kernel positions inputs, one vector a position."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, final

from torch import Tensor
from torch.nn import functional

from .product import AbstractProduct

CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


@final
@dataclass(frozen=True)
class ConvProduct(AbstractProduct):
    """x -> W * x + b with a convolution's stride, padding, dilation and groups."""

    dims: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    border: tuple[int, ...]  # padding of both ends of every axis, the last axis first, in torch's order
    padding_mode: str

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See `AbstractProduct.__call__`."""
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = functional.pad(x, self.border, mode=self.padding_mode), (0,) * self.dims
        return CONVOLUTIONS[self.dims](x, weight, bias, self.stride, padding, self.dilation, self.groups)

    def batched(self, x: Tensor) -> bool:
        """See `AbstractProduct.batched`."""
        return x.dim() > self.dims + 1

    def unroll(self, x: Tensor) -> Tensor:
        """Feature maps `(samples, channels, *size)` -> `(groups, samples * positions, K)`."""
        windows = self._windows(x)  # (samples, channels, *positions, *kernel)
        grouped = windows.unflatten(1, (self.groups, -1)).movedim(1, 0)  # (groups, samples, channels, *pos, *kernel)
        return grouped.movedim(2, 2 + self.dims).flatten(3 + self.dims - 1).flatten(1, -2)

    def width(self, x: Tensor) -> int:
        """See `AbstractProduct.width`."""
        return x.shape[1] * prod(self.kernel) // self.groups

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Answers `(groups, samples * positions, C)` for the feature maps x -> `(samples, groups * C, *positions)`."""
        positions = self._windows(x).shape[2 : 2 + self.dims]
        maps = y.unflatten(1, (x.shape[0], *positions))  # (groups, samples, *positions, C)
        return maps.movedim(-1, 1).movedim(2, 0).flatten(1, 2)

    def biased(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Outputs plus the digital bias of each channel."""
        return y if bias is None else y + bias.view(-1, *(1,) * self.dims)

    def _windows(self, x: Tensor) -> Tensor:
        """A view of every position's window."""
        if any(self.border):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            x = functional.pad(x, self.border, mode=mode)
        for axis, (size, step, gap) in enumerate(zip(self.kernel, self.stride, self.dilation, strict=True)):
            x = x.unfold(2 + axis, (size - 1) * gap + 1, step)[..., ::gap]
        return x


def conv_product(layer: Any, dims: int) -> ConvProduct:
    """The product of a convolution of torch."""
    border = tuple(layer._reversed_padding_repeated_twice)  # torch's own pairs, "same" and "valid" resolved
    return ConvProduct(
        dims, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, border, layer.padding_mode
    )
