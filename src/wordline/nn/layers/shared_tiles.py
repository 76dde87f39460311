"""Grouped layers whose groups share tiles: the wider product that the arrays compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, final

from torch import Tensor
from torch.nn import functional

from ...mapping import Crossbar
from ...mapping.packing import shared_tiles
from .matrix_view import MatrixView
from .product import AbstractProduct


def product_on_arrays(
    view: MatrixView, crossbar: Crossbar
) -> tuple[AbstractProduct, tuple[int, ...]]:
    """Return the product that arrays compute for a matrix view, and the shape of its weight.

    Groups that share tiles are one group of as many channels, whose weights off the diagonal are
    what the arrays hold there. Channels of zeros fill the last tile where it lacks groups.
    """
    product, shape = view.product, tuple(view.weight.shape)
    tile = (crossbar.tile[0], crossbar.weight_cols)
    packs, each = shared_tiles(view.matrix_shape, crossbar.packing, tile)
    if each == 1:
        return product, shape
    groups = product.groups
    wide: AbstractProduct = dataclasses.replace(cast(Any, product), groups=packs)
    missing = packs * each - groups
    if missing:
        first, second = shape[0] // groups * missing, shape[1] * missing
        outputs_first = product.matrix_shape(shape)[1] * groups != shape[0]
        wide = PaddedProduct(wide, *((second, first) if outputs_first else (first, second)))
    return wide, (shape[0] // groups * packs * each, shape[1] * each, *shape[2:])


@final
@dataclass(frozen=True)
class PaddedProduct(AbstractProduct):
    """A convolution with channels of zeros behind its inputs, whose outputs are cut off.

    `inputs`, `outputs`: how many of each.
    """

    inner: AbstractProduct
    inputs: int
    outputs: int

    @property
    def groups(self) -> int:  # type: ignore[override]
        """Groups of the padded channels."""
        return self.inner.groups

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self.add_bias(self._cut(self.inner(self._padded(x), weight, None)), bias)

    def is_batched(self, x: Tensor) -> bool:
        return self.inner.is_batched(x)

    def to_vectors(self, x: Tensor) -> Tensor:
        return self.inner.to_vectors(self._padded(x))

    def driven_rows(self, x: Tensor) -> int:
        return self.inner.driven_rows(self._padded_shape(x))

    def from_vectors(self, y: Tensor, x: Tensor) -> Tensor:
        return self._cut(self.inner.from_vectors(y, self._padded_shape(x)))

    def add_bias(self, y: Tensor, bias: Tensor | None) -> Tensor:
        return self.inner.add_bias(y, bias)

    def to_matrix(self, weight: Tensor) -> Tensor:
        return self.inner.to_matrix(weight)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self.inner.to_weight(matrix, shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        return self.inner.matrix_shape(shape)

    def with_output_size(self, x: Tensor, output_size: Sequence[int]) -> PaddedProduct:
        return dataclasses.replace(self, inner=self.inner.with_output_size(x, output_size))

    @property
    def _axis(self) -> int:
        """Channels, counted from the last axis."""
        return -1 - cast(Any, self.inner).dims

    def _padded(self, x: Tensor) -> Tensor:
        return functional.pad(x, (*(0, 0) * (-1 - self._axis), 0, self.inputs))

    def _padded_shape(self, x: Tensor) -> Tensor:
        """Return a tensor without numbers of the shape of the padded activations."""
        return self._padded(x.new_empty(x.shape, device="meta"))

    def _cut(self, y: Tensor) -> Tensor:
        return y.narrow(self._axis, 0, y.shape[self._axis] - self.outputs)
