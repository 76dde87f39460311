"""Transposed convolutions as matrices: one vector a pixel, overlapping windows added digitally."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor
from torch.nn import functional

from .im2col import Windows, col2im
from .product import AbstractProduct

TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


@final
@dataclass(frozen=True)
class TransposedProduct(AbstractProduct):
    """x -> W^T * x + b, the adjoint of a convolution.

    K = in / groups rows, C = out / groups * kernel columns. The arrays compute, for each pixel,
    what it adds to each pixel of its window; overlapping windows are added after conversion.
    """

    dims: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return TRANSPOSED[self.dims](
            x, weight, bias, self.stride, self.padding, self.output_padding, self.groups,
            self.dilation,
        )  # fmt: skip

    def is_batched(self, x: Tensor) -> bool:
        return x.dim() > self.dims + 1

    def to_vectors(self, x: Tensor) -> Tensor:
        return x.flatten(2).unflatten(1, (self.groups, -1)).permute(1, 0, 3, 2).flatten(1, 2)

    def driven_rows(self, x: Tensor) -> int:
        return x.shape[1] // self.groups

    def from_vectors(self, y: Tensor, x: Tensor) -> Tensor:
        samples, size = x.shape[0], x.shape[2:]
        # (groups, samples, *size, out, *kernel), then (samples, channels, *size, *kernel)
        columns = y.unflatten(-1, (-1, *self.kernel)).unflatten(1, (samples, *size))
        columns = columns.movedim(2 + self.dims, 1).movedim(2, 0).flatten(1, 2)
        maps = col2im(columns, self._uncut_size(size), self._windows)
        pairs = zip(self.padding, maps.shape[2:], strict=True)
        kept: tuple[Any, ...] = tuple(slice(p, n - p) for p, n in pairs)
        return maps[(..., *kept)]

    def add_bias(self, y: Tensor, bias: Tensor | None) -> Tensor:
        return y if bias is None else y + bias.view(-1, *(1,) * self.dims)

    def to_matrix(self, weight: Tensor) -> Tensor:
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        return matrix.reshape(shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        groups, outputs, inputs = super().matrix_shape(shape)
        return groups, inputs, outputs

    def with_output_size(self, x: Tensor, output_size: Sequence[int]) -> TransposedProduct:
        """Return the product with the output padding that gives this size.

        The size may include the leading dimensions. Raises ValueError for one out of range.
        """
        if len(output_size) not in (self.dims, x.dim()):
            raise ValueError(
                f"`output_size` must have {self.dims} or {x.dim()} numbers, got {list(output_size)}"
            )
        asked = tuple(output_size)[-self.dims :]
        bare = self._windows.covered(x.shape[-self.dims :])
        least = [n - 2 * p for n, p in zip(bare, self.padding, strict=True)]
        extra = tuple(a - n for a, n in zip(asked, least, strict=True))
        if any(not 0 <= e < step for e, step in zip(extra, self.stride, strict=True)):
            most = [n + step - 1 for n, step in zip(least, self.stride, strict=True)]
            raise ValueError(
                f"`output_size` must be between {least} and {most} for this input, "
                f"got {list(asked)}"
            )
        return dataclasses.replace(self, output_padding=extra)

    @property
    def _windows(self) -> Windows:
        return Windows(self.kernel, self.stride, self.dilation)

    def _uncut_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """Return the size of the outputs before the padding is cut off."""
        covered = self._windows.covered(size)
        return tuple(n + extra for n, extra in zip(covered, self.output_padding, strict=True))


def transposed_product(layer: Any, dims: int) -> TransposedProduct:
    """Return the product of a transposed convolution of torch."""
    return TransposedProduct(
        dims, layer.kernel_size, layer.stride, layer.padding, layer.output_padding, layer.dilation,
        layer.groups,
    )  # fmt: skip
