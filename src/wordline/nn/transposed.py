"""Transposed convolutions as matrices: one vector a pixel, one column a channel and kernel position, digital sums."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor
from torch.nn import functional

from .product import AbstractProduct

TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


@final
@dataclass(frozen=True)
class TransposedProduct(AbstractProduct):
    """x -> W^T * x + b, the adjoint of a convolution: K = in / groups rows, C = out / groups * kernel columns.

    The arrays answer, for each pixel, with what it adds to each pixel of its window; overlapping windows are summed
    digitally, after conversion.
    """

    dims: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See `AbstractProduct.__call__`."""
        return TRANSPOSED[self.dims](
            x, weight, bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )

    def batched(self, x: Tensor) -> bool:
        """See `AbstractProduct.batched`."""
        return x.dim() > self.dims + 1

    def unroll(self, x: Tensor) -> Tensor:
        """Feature maps `(samples, channels, *size)` -> `(groups, samples * pixels, channels / groups)`."""
        return x.flatten(2).unflatten(1, (self.groups, -1)).permute(1, 0, 3, 2).flatten(1, 2)

    def width(self, x: Tensor) -> int:
        """See `AbstractProduct.width`."""
        return x.shape[1] // self.groups

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Answers `(groups, samples * pixels, C)` for the feature maps x -> `(samples, channels, *size)`."""
        samples, size = x.shape[0], x.shape[2:]
        parts = y.unflatten(-1, (-1, *self.kernel)).unflatten(1, (samples, *size))  # (g, samples, *size, out, *kernel)
        parts = parts.movedim(2 + self.dims, 1).movedim(2, 0).flatten(1, 2)  # (samples, channels, *size, *kernel)
        whole = parts.new_zeros(*parts.shape[:2], *self._whole(size))
        for offset in itertools.product(*map(range, self.kernel)):
            window = tuple(
                slice(at * gap, at * gap + (n - 1) * step + 1, step)
                for at, gap, n, step in zip(offset, self.dilation, size, self.stride, strict=True)
            )
            whole[(..., *window)] += parts[(..., *offset)]
        kept = tuple(slice(p, n - p) for p, n in zip(self.padding, whole.shape[2:], strict=True))
        return whole[(..., *kept)]

    def biased(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Outputs plus the digital bias of each channel."""
        return y if bias is None else y + bias.view(-1, *(1,) * self.dims)

    def to_matrix(self, weight: Tensor) -> Tensor:
        """Weight `(in, out / groups, *kernel)` -> matrices `(groups, in / groups, out / groups * prod(kernel))`."""
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        """See `AbstractProduct.to_weight`."""
        return matrix.reshape(shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """See `AbstractProduct.matrix_shape`."""
        groups, outputs, inputs = super().matrix_shape(shape)
        return groups, inputs, outputs

    def sized(self, x: Tensor, output_size: Sequence[int] | None) -> TransposedProduct:
        """The same product with the output padding that gives this size, leading dimensions included or not."""
        if output_size is None:
            return self
        if len(output_size) not in (self.dims, x.dim()):
            raise ValueError(f"`output_size` must have {self.dims} or {x.dim()} numbers, got {list(output_size)}")
        wanted = tuple(output_size)[-self.dims :]
        bare = dataclasses.replace(self, output_padding=(0,) * self.dims)._whole(x.shape[-self.dims :])
        least = [n - 2 * p for n, p in zip(bare, self.padding, strict=True)]
        extra = tuple(w - n for w, n in zip(wanted, least, strict=True))
        if any(not 0 <= e < step for e, step in zip(extra, self.stride, strict=True)):
            most = [n + step - 1 for n, step in zip(least, self.stride, strict=True)]
            raise ValueError(f"`output_size` must be between {least} and {most} for this input, got {list(wanted)}")
        return dataclasses.replace(self, output_padding=extra)

    def _whole(self, size: Sequence[int]) -> tuple[int, ...]:
        """Size of the outputs before the padding is cut off."""
        axes = zip(size, self.stride, self.dilation, self.kernel, self.output_padding, strict=True)
        return tuple((n - 1) * step + gap * (k - 1) + 1 + extra for n, step, gap, k, extra in axes)


def transposed_product(layer: Any, dims: int) -> TransposedProduct:
    """The product of a transposed convolution of torch."""
    return TransposedProduct(
        dims, layer.kernel_size, layer.stride, layer.padding, layer.output_padding, layer.dilation, layer.groups
    )
