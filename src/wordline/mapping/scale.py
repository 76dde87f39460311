"""The weight scale: which weight uses the whole conductance window of a device."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from ..values import Value, require_integer, require_number


class AbstractScale(Value):
    """A rule that chooses w_max of a layer; larger weights are clipped to it.

    `columnwise`: of each output instead; the matrices are then given as they lie on tiles.
    """

    columnwise: ClassVar[bool] = False

    @abc.abstractmethod
    def w_max(self, matrix: Tensor) -> Tensor:
        """Return w_max >= 0 of a weight matrix of any shape, a scalar; 0 for a layer of zeros."""


@final
@dataclass(frozen=True)
class MaxScale(AbstractScale):
    """w_max = max |w|: nothing is clipped. A layer of zeros gets 0.

    >>> import torch
    >>> MaxScale().w_max(torch.tensor([[1.0, -3.0]])).item()
    3.0
    """

    def w_max(self, matrix: Tensor) -> Tensor:
        return matrix.detach().abs().amax()


@final
@dataclass(frozen=True)
class ColumnScale(AbstractScale):
    """w_max = max |w| of each output, undone by a digital factor behind its converters.

    Every column then uses the whole window. A column of zeros gets 0. Source:
    `weight_scaling_columnwise` of aihwkit.

    >>> import torch
    >>> ColumnScale().w_max(torch.tensor([[[1.0, -3.0], [-2.0, 1.0]]])).tolist()
    [[[2.0, 3.0]]]
    """

    columnwise: ClassVar[bool] = True

    def w_max(self, matrix: Tensor) -> Tensor:
        """Return w_max of matrices `(groups, K, C)`: `(groups, 1, C)`."""
        return matrix.detach().abs().amax(-2, keepdim=True)


@final
@dataclass(frozen=True)
class PercentileScale(AbstractScale):
    """w_max = a percentile of |w|: outliers are clipped so that the others use more of the window.

    Raises ValueError where that percentile is 0 although some weights are not, as in a pruned
    layer.

    >>> import torch
    >>> PercentileScale(50).w_max(torch.tensor([[1.0, -2.0, 9.0]])).item()
    2.0
    """

    percent: float

    def __post_init__(self) -> None:
        require_number("percent", self.percent, above=0.0, at_most=100.0)

    def w_max(self, matrix: Tensor) -> Tensor:
        magnitudes = matrix.detach().abs().flatten()
        # The smallest rank of that share; torch.quantile stops at 16 M elements.
        rank = max(1, -int(-self.percent * magnitudes.numel() // 100))
        w_max = magnitudes.kthvalue(rank).values
        if w_max == 0 and magnitudes.any():
            zeros = (magnitudes == 0).double().mean().item()
            raise ValueError(
                f"`percent` {self.percent:g} leaves no weight but zero: {zeros:.1%} of the layer's "
                "weights are zero, and all others would be clipped; give a larger percent, or use "
                "MaxScale()"
            )
        return w_max


@final
@dataclass(frozen=True)
class FixedScale(AbstractScale):
    """A given w_max; fixed point with b bits, f of them fraction, has w_max = (2^(b-1) - 1) / 2^f.

    >>> import torch
    >>> FixedScale.point(bits=16, fraction_bits=13).w_max(torch.ones(2)).item()
    3.9998779296875
    """

    largest_weight: float

    def __post_init__(self) -> None:
        require_number("largest_weight", self.largest_weight, above=0.0)

    @classmethod
    def point(cls, *, bits: int, fraction_bits: int) -> FixedScale:
        """Take the largest weight of a fixed-point format, sign included in `bits`."""
        require_integer("bits", bits, at_least=2)
        require_integer("fraction_bits", fraction_bits, at_least=0)
        return cls((2 ** (bits - 1) - 1) / 2**fraction_bits)

    def w_max(self, matrix: Tensor) -> Tensor:
        return matrix.new_tensor(self.largest_weight)


def nonzero_w_max(w_max: Tensor) -> Tensor:
    """Return the divisor of the weights: w_max, or 1 in a layer of zeros."""
    return w_max.where(w_max > 0, w_max.new_ones(()))
