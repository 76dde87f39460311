"""Grouped layers whose groups share tiles: the wider product that the arrays then compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, final

from torch import Tensor
from torch.nn import functional

from ..mapping import Crossbar
from ..mapping.packing import shared_tiles
from .parts import Part
from .product import AbstractProduct


def on_arrays(part: Part, crossbar: Crossbar) -> tuple[AbstractProduct, tuple[int, ...]]:
    """The product that a part's arrays compute, and the shape of its weight: those of the part, or wider ones.

    Groups that share tiles are one group of as many channels, whose weights off the diagonal are what the arrays have
    there. Where the last tile lacks groups, channels of zeros stand for them.
    """
    product, shape = part.product, tuple(part.weight.shape)
    tile = (crossbar.tile[0], crossbar.weight_cols)
    packs, each = shared_tiles(part.matrix_shape, crossbar.packing, tile)
    if each == 1:
        return product, shape
    groups = product.groups
    wide: AbstractProduct = dataclasses.replace(cast(Any, product), groups=packs)
    missing = packs * each - groups
    if missing:
        first, second = shape[0] // groups * missing, shape[1] * missing
        channels = (first, second) if product.matrix_shape(shape)[1] * groups == shape[0] else (second, first)
        wide = PaddedProduct(wide, *channels)
    return wide, (shape[0] // groups * packs * each, shape[1] * each, *shape[2:])


@final
@dataclass(frozen=True)
class PaddedProduct(AbstractProduct):
    """A convolution with so many channels of zeros behind its inputs, and as many outputs as belong to them cut off."""

    inner: AbstractProduct
    inputs: int
    outputs: int

    @property
    def groups(self) -> int:  # type: ignore[override]
        """Groups of the padded channels."""
        return self.inner.groups

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See `AbstractProduct.__call__`."""
        return self.biased(self._cut(self.inner(self._padded(x), weight, None)), bias)

    def batched(self, x: Tensor) -> bool:
        """See `AbstractProduct.batched`."""
        return self.inner.batched(x)

    def unroll(self, x: Tensor) -> Tensor:
        """See `AbstractProduct.unroll`."""
        return self.inner.unroll(self._padded(x))

    def width(self, x: Tensor) -> int:
        """See `AbstractProduct.width`."""
        return self.inner.width(self._padded(x.new_empty(x.shape, device="meta")))

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """See `AbstractProduct.fold`."""
        return self._cut(self.inner.fold(y, self._padded(x.new_empty(x.shape, device="meta"))))

    def biased(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """See `AbstractProduct.biased`."""
        return self.inner.biased(y, bias)

    def to_matrix(self, weight: Tensor) -> Tensor:
        """See `AbstractProduct.to_matrix`."""
        return self.inner.to_matrix(weight)

    def to_weight(self, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        """See `AbstractProduct.to_weight`."""
        return self.inner.to_weight(matrix, shape)

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """See `AbstractProduct.matrix_shape`."""
        return self.inner.matrix_shape(shape)

    def sized(self, x: Tensor, output_size: Sequence[int] | None) -> PaddedProduct:
        """See `AbstractProduct.sized`."""
        return dataclasses.replace(self, inner=self.inner.sized(x, output_size))

    @property
    def _axis(self) -> int:
        """Channels, counted from the last axis."""
        return -1 - cast(Any, self.inner).dims

    def _padded(self, x: Tensor) -> Tensor:
        return functional.pad(x, (*(0, 0) * (-1 - self._axis), 0, self.inputs))

    def _cut(self, y: Tensor) -> Tensor:
        return y.narrow(self._axis, 0, y.shape[self._axis] - self.outputs)
