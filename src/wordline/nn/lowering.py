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


@dataclass(frozen=True)
class ConvProduct:
    """x -> W * x + b with a convolution's stride, padding, dilation and groups."""

    dims: int
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    border: tuple[int, ...]  # explicit padding before the product, for modes other than zeros
    padding_mode: str

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Feature maps times the given weight."""
        if self.border:
            x = functional.pad(x, self.border, mode=self.padding_mode)
        return CONVOLUTIONS[self.dims](x, weight, bias, self.stride, self.padding, self.dilation, self.groups)


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
    border: tuple[int, ...] = ()
    padding = layer.padding
    if layer.padding_mode != "zeros":
        border = tuple(layer._reversed_padding_repeated_twice)  # torch's own pairs, "same" and "valid" resolved
        padding = (0,) * dims
    return ConvProduct(dims, layer.stride, padding, layer.dilation, layer.groups, border, layer.padding_mode)
