"""Layers as matrices: what a convolution or a linear layer asks of an array, and how its product runs in torch.

This is the one file that transposes: torch keeps weights as (outputs, inputs), an array has rows = inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def to_matrix(weight: Tensor, groups: int) -> Tensor:
    """Weight `(out, in / groups, *kernel)` -> matrices `(groups, K, out / groups)`, K = in / groups * prod(kernel)."""
    return weight.reshape(groups, weight.shape[0] // groups, -1).transpose(1, 2)


def to_weight(matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The inverse of `to_matrix`."""
    return matrix.transpose(1, 2).reshape(shape)


@dataclass(frozen=True)
class LinearProduct:
    """x -> x W^T + b."""

    groups: int = 1

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Activations times the given weight."""
        return functional.linear(x, weight, bias)

    def batched(self, x: Tensor) -> bool:
        """Whether the first dimension counts samples."""
        return x.dim() > 1

    def unroll(self, x: Tensor) -> Tensor:
        """Activations `(..., K)` -> the vectors that drive the rows, `(1, vectors, K)`."""
        return x.reshape(1, -1, x.shape[-1])

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Answers `(1, vectors, C)` for the activations x -> `(..., C)`."""
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def biased(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Outputs plus the digital bias."""
        return y if bias is None else y + bias


@dataclass(frozen=True)
class ConvProduct:
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
        """Feature maps times the given weight."""
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = functional.pad(x, self.border, mode=self.padding_mode), (0,) * self.dims
        return CONVOLUTIONS[self.dims](x, weight, bias, self.stride, padding, self.dilation, self.groups)

    def batched(self, x: Tensor) -> bool:
        """Whether the first dimension counts samples."""
        return x.dim() > self.dims + 1

    def unroll(self, x: Tensor) -> Tensor:
        """Feature maps `(samples, channels, *size)` -> `(groups, samples * positions, channels / groups * kernel)`."""
        windows = self._windows(x)  # (samples, channels, *positions, *kernel)
        grouped = windows.unflatten(1, (self.groups, -1)).movedim(1, 0)  # (groups, samples, channels, *pos, *kernel)
        return grouped.movedim(2, 2 + self.dims).flatten(3 + self.dims - 1).flatten(1, -2)

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


Product = LinearProduct | ConvProduct
LOWERED: dict[type[nn.Module], int] = {nn.Linear: 0, nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}


def product_of(layer: nn.Module) -> Product | None:
    """The product behind a layer, or None where the layer is no plain convolution or linear layer.

    A subclass counts as its parent as long as it does not compute anything of its own, and has no hooks.
    """
    for kind, dims in LOWERED.items():
        if not isinstance(layer, kind) or type(layer).forward is not kind.forward:
            continue
        if layer._forward_hooks or layer._forward_pre_hooks:
            continue
        if dims == 0:
            return LinearProduct()
        if type(layer)._conv_forward is not kind._conv_forward:  # type: ignore[attr-defined]
            continue
        return _conv_product(layer, dims)
    return None


def _conv_product(layer: Any, dims: int) -> ConvProduct:
    border = tuple(layer._reversed_padding_repeated_twice)  # torch's own pairs, "same" and "valid" resolved
    return ConvProduct(
        dims, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, border, layer.padding_mode
    )
