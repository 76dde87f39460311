"""Products of layers: how a weight of torch becomes the matrices that arrays hold, and back."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Self

from torch import Tensor


class AbstractProduct(abc.ABC):
    """A linear map with a weight, computed by torch or by arrays: vectors in, columns out.

    The two agree: `from_vectors(to_vectors(x) @ to_matrix(weight), x)` is `self(x, weight, None)`.
    K are the inputs of a matrix (rows of the arrays), C its outputs (columns).
    """

    groups: int

    @abc.abstractmethod
    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Multiply activations by a weight and add a bias, in torch."""

    @abc.abstractmethod
    def is_batched(self, x: Tensor) -> bool:
        """Tell whether the first dimension of the activations counts samples."""

    @abc.abstractmethod
    def to_vectors(self, x: Tensor) -> Tensor:
        """Lay batched activations out as vectors on the rows, `(groups, vectors, K)`."""

    @abc.abstractmethod
    def driven_rows(self, x: Tensor) -> int:
        """Return K of `to_vectors` for batched activations without computing the vectors."""

    @abc.abstractmethod
    def from_vectors(self, y: Tensor, x: Tensor) -> Tensor:
        """Lay the results `(groups, vectors, C)` of activations x out as outputs, without bias."""

    @abc.abstractmethod
    def add_bias(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Add the digital bias to outputs."""

    def to_matrix(self, weight: Tensor) -> Tensor:
        """Reshape a weight `(out, in / groups, *kernel)` into matrices `(groups, K, C)`."""
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1).transpose(1, 2)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Reshape matrices into a weight of this shape: the inverse of `to_matrix`."""
        return matrix.transpose(1, 2).reshape(shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """Return (groups, K, C) of the matrices of a weight of this shape."""
        return self.groups, math.prod(shape[1:]), shape[0] // self.groups

    def with_output_size(self, x: Tensor, output_size: Sequence[int]) -> Self:
        """Return the product whose outputs for x have this size.

        Raises TypeError for all but transposed convolutions, whose outputs have one size.
        """
        raise TypeError(
            "`output_size` goes with a transposed convolution; this layer has one size of outputs"
        )

    def vector_count(self, x: Tensor) -> int:
        """Count the vectors that activations drive the rows of each group with, by shape alone."""
        shape_only = x.new_empty(x.shape, device="meta")
        return self.to_vectors(shape_only if self.is_batched(x) else shape_only[None]).shape[1]
