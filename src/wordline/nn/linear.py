"""Linear layers as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor
from torch.nn import functional

from .product import AbstractProduct


@final
@dataclass(frozen=True)
class LinearProduct(AbstractProduct):
    """x -> x W^T + b; with `inputs_first`, x -> x W + b for weights kept as (inputs, outputs)."""

    groups: int = 1
    inputs_first: bool = False

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See `AbstractProduct.__call__`."""
        return functional.linear(x, weight.t() if self.inputs_first else weight, bias)

    def batched(self, x: Tensor) -> bool:
        """See `AbstractProduct.batched`."""
        return x.dim() > 1

    def unroll(self, x: Tensor) -> Tensor:
        """Activations `(..., K)` -> `(1, vectors, K)`."""
        return x.reshape(1, -1, x.shape[-1])

    def width(self, x: Tensor) -> int:
        """See `AbstractProduct.width`."""
        return x.shape[-1]

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Answers `(1, vectors, C)` for the activations x -> `(..., C)`."""
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def biased(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """See `AbstractProduct.biased`."""
        return y if bias is None else y + bias

    def to_matrix(self, weight: Tensor) -> Tensor:
        """See `AbstractProduct.to_matrix`."""
        return weight[None] if self.inputs_first else super().to_matrix(weight)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        """See `AbstractProduct.to_weight`."""
        return matrix.reshape(shape) if self.inputs_first else super().to_weight(matrix, shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """See `AbstractProduct.matrix_shape`."""
        return (1, shape[0], shape[1]) if self.inputs_first else super().matrix_shape(shape)
