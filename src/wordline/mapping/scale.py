"""Which weight uses the whole window of a device."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from torch import Tensor

from ..values import Value, require_integer, require_number


class AbstractScale(Value):
    """Chooses w_max of a layer; larger weights are clipped to it."""

    @abc.abstractmethod
    def largest(self, matrix: Tensor) -> Tensor:
        """w_max >= 0 of a weight matrix of any shape, as a scalar tensor; 0 for a layer of zeros, which answers 0."""


@dataclass(frozen=True)
class MaxScale(AbstractScale):
    """w_max = max |w|: nothing is clipped. A layer of zeros gets 0, as the limit of ever smaller weights.

    >>> import torch
    >>> MaxScale().largest(torch.tensor([[1.0, -3.0]])).item()
    3.0
    """

    def largest(self, matrix: Tensor) -> Tensor:
        """See `AbstractScale.largest`."""
        return matrix.detach().abs().amax()


@dataclass(frozen=True)
class PercentileScale(AbstractScale):
    """w_max = the given percentile of |w|: outliers are clipped so that the others use more of the window.

    Raises ValueError where that percentile is 0 although some weights are not, as in a pruned layer.

    >>> import torch
    >>> PercentileScale(50).largest(torch.tensor([[1.0, -2.0, 9.0]])).item()
    2.0
    """

    percent: float

    def __post_init__(self) -> None:
        require_number("percent", self.percent, above=0.0, at_most=100.0)

    def largest(self, matrix: Tensor) -> Tensor:
        """See `AbstractScale.largest`."""
        magnitudes = matrix.detach().abs().flatten()
        rank = max(1, -int(-self.percent * magnitudes.numel() // 100))  # torch.quantile stops at 16 M elements
        largest = magnitudes.kthvalue(rank).values
        if largest == 0 and magnitudes.any():
            zeros = (magnitudes == 0).double().mean().item()
            raise ValueError(
                f"`percent` {self.percent:g} leaves no weight but zero: {zeros:.1%} of the layer's weights are zero, "
                "and all others would be clipped; give a larger percent, or use MaxScale()"
            )
        return largest


@dataclass(frozen=True)
class FixedScale(AbstractScale):
    """w_max given: a fixed-point format with b bits, f of them fraction, has w_max = (2^(b-1) - 1) / 2^f.

    >>> import torch
    >>> FixedScale.point(bits=16, fraction_bits=13).largest(torch.ones(2)).item()
    3.9998779296875
    """

    largest_weight: float

    def __post_init__(self) -> None:
        require_number("largest_weight", self.largest_weight, above=0.0)

    @classmethod
    def point(cls, *, bits: int, fraction_bits: int) -> FixedScale:
        """The largest weight of a fixed-point format, sign included in `bits`."""
        require_integer("bits", bits, at_least=2)
        require_integer("fraction_bits", fraction_bits, at_least=0)
        return cls((2 ** (bits - 1) - 1) / 2**fraction_bits)

    def largest(self, matrix: Tensor) -> Tensor:
        """See `AbstractScale.largest`."""
        return matrix.new_tensor(self.largest_weight)


def full_window(largest: Tensor) -> Tensor:
    """What to divide weights by: w_max, or 1 in a layer of zeros, whose devices all stand for zero anyway."""
    return largest.where(largest > 0, largest.new_ones(()))
