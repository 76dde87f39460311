"""What a layer asks of arrays: the one place where a weight of torch becomes a matrix of inputs by outputs."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Self

from torch import Tensor


class AbstractProduct(abc.ABC):
    """A linear map with a weight, as torch computes it and as arrays do: vectors in, columns out, digital sum.

    The two agree: `fold(unroll(x) @ to_matrix(weight), x)` is `self(x, weight, None)`.
    """

    groups: int

    @abc.abstractmethod
    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Activations times the given weight plus bias, by torch."""

    @abc.abstractmethod
    def batched(self, x: Tensor) -> bool:
        """Whether the first dimension counts samples."""

    @abc.abstractmethod
    def unroll(self, x: Tensor) -> Tensor:
        """Batched activations -> the vectors that drive the rows, `(groups, vectors, K)`."""

    @abc.abstractmethod
    def width(self, x: Tensor) -> int:
        """How many rows batched activations drive: K of `unroll`, without computing it."""

    @abc.abstractmethod
    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Answers `(groups, vectors, C)` for the activations x -> outputs without bias."""

    @abc.abstractmethod
    def biased(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Outputs plus the digital bias."""

    def to_matrix(self, weight: Tensor) -> Tensor:
        """Weight `(out, in / groups, *kernel)` -> matrices `(groups, K, C)`."""
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1).transpose(1, 2)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The inverse of `to_matrix`."""
        return matrix.transpose(1, 2).reshape(shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C) of the matrix of a weight of this shape."""
        return self.groups, math.prod(shape[1:]), shape[0] // self.groups

    def sized(self, x: Tensor, output_size: Sequence[int] | None) -> Self:
        """The product whose outputs have the size asked for; only a transposed convolution can be asked."""
        if output_size is not None:
            raise TypeError("`output_size` goes with a transposed convolution; this layer has one size of outputs")
        return self

    def vectors(self, x: Tensor) -> int:
        """How many vectors the activations drive the rows of each group with; nothing is computed."""
        shape_only = x.new_empty(x.shape, device="meta")
        return self.unroll(shape_only if self.batched(x) else shape_only[None]).shape[1]
