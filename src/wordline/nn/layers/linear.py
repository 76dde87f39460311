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
    """x -> x W^T + b; with `inputs_first`, x -> x W + b for weights of shape (inputs, outputs)."""

    groups: int = 1
    inputs_first: bool = False

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weight.t() if self.inputs_first else weight, bias)

    def is_batched(self, x: Tensor) -> bool:
        return x.dim() > 1

    def to_vectors(self, x: Tensor) -> Tensor:
        return x.reshape(1, -1, x.shape[-1])

    def driven_rows(self, x: Tensor) -> int:
        return x.shape[-1]

    def from_vectors(self, y: Tensor, x: Tensor) -> Tensor:
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def add_bias(self, y: Tensor, bias: Tensor | None) -> Tensor:
        return y if bias is None else y + bias

    def to_matrix(self, weight: Tensor) -> Tensor:
        return weight[None] if self.inputs_first else super().to_matrix(weight)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        return matrix.reshape(shape) if self.inputs_first else super().to_weight(matrix, shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        return (1, shape[0], shape[1]) if self.inputs_first else super().matrix_shape(shape)
