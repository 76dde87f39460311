"""What a converter's full scale is, and who decides it."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch
from torch import Tensor

from ..transforms import concrete
from ..values import Value, require_number


class AbstractRange(Value):
    """The largest magnitude that a converter resolves; beyond it the converter saturates."""


class AbstractInputRange(AbstractRange):
    """A full scale for a DAC."""

    @abc.abstractmethod
    def of_inputs(self, x: Tensor, seen: Tensor) -> Tensor:
        """Full scale for activations `(samples, ...)`, in their unit; broadcasts over `x`.

        `seen` is what `calibrate` measured, NaN before.
        """


class AbstractOutputRange(AbstractRange):
    """A full scale for an ADC."""

    @abc.abstractmethod
    def of_outputs(self, largest: float, finest: float, ampere: float, seen: Tensor) -> Tensor | float:
        """Full scale in units of the layer's answers.

        `largest`: the answer of a column of on cells under full voltage; `finest`: the full scale at which one code is
        the smallest product of a sliced weight and a streamed input, or 0; `ampere`: one ampere.
        """


@dataclass(frozen=True)
class SampleMax(AbstractInputRange):
    """A DAC that is scaled, digitally, to the largest magnitude of each sample; needs no data beforehand.

    >>> SampleMax().of_inputs(torch.tensor([[1.0, -4.0], [0.5, 0.0]]), torch.tensor(torch.nan)).flatten().tolist()
    [4.0, 0.5]
    """

    def of_inputs(self, x: Tensor, seen: Tensor) -> Tensor:
        """See `AbstractInputRange.of_inputs`. A constant of the derivative."""
        largest = x.detach().abs().amax(dim=tuple(range(1, x.dim())) or (0,), keepdim=True)
        return largest.where(largest > 0, torch.ones_like(largest))


@dataclass(frozen=True)
class FullScale(AbstractOutputRange):
    """An ADC that resolves a share of the largest current that a column of on cells can carry without parasitics.

    Where weights are sliced and inputs streamed, a code is never finer than the smallest product of the two.

    >>> FullScale(0.5).of_outputs(largest=64.0, finest=0.0, ampere=1e6, seen=torch.tensor(torch.nan))
    32.0
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        require_number("share", self.share, above=0.0)

    def of_outputs(self, largest: float, finest: float, ampere: float, seen: Tensor) -> Tensor | float:
        """See `AbstractOutputRange.of_outputs`."""
        return max(self.share * largest, finest)


@dataclass(frozen=True)
class FixedRange(AbstractInputRange, AbstractOutputRange):
    """A full scale known in advance: activations for a DAC, amperes for an ADC.

    >>> FixedRange(4.0).of_inputs(torch.ones(2), torch.tensor(torch.nan)).item()
    4.0
    """

    limit: float

    def __post_init__(self) -> None:
        require_number("limit", self.limit, above=0.0)

    def of_inputs(self, x: Tensor, seen: Tensor) -> Tensor:
        """See `AbstractInputRange.of_inputs`."""
        return x.new_tensor(self.limit)

    def of_outputs(self, largest: float, finest: float, ampere: float, seen: Tensor) -> Tensor | float:
        """See `AbstractOutputRange.of_outputs`."""
        return self.limit * ampere


@dataclass(frozen=True)
class Calibrated(AbstractInputRange, AbstractOutputRange):
    """A full scale measured once per layer by `calibrate(chip, data)`: a percentile of the magnitudes that occur.

    100 is their maximum; less lets outliers saturate so that the others are resolved better.

    >>> Calibrated(50).measure(torch.tensor([1.0, -2.0, 9.0])).item()
    2.0
    """

    percent: float = 100.0

    def __post_init__(self) -> None:
        require_number("percent", self.percent, above=0.0, at_most=100.0)

    def of_inputs(self, x: Tensor, seen: Tensor) -> Tensor:
        """See `AbstractInputRange.of_inputs`."""
        return _measured("dac", seen)

    def of_outputs(self, largest: float, finest: float, ampere: float, seen: Tensor) -> Tensor | float:
        """See `AbstractOutputRange.of_outputs`."""
        return _measured("adc", seen)

    def measure(self, values: Tensor) -> Tensor:
        """The percentile of the magnitudes of one batch of values."""
        magnitudes = values.detach().abs().flatten()
        rank = max(1, -int(-self.percent * magnitudes.numel() // 100))  # torch.quantile stops at 16 M elements
        return magnitudes.kthvalue(rank).values if self.percent < 100 else magnitudes.amax()


def _measured(name: str, seen: Tensor) -> Tensor:
    if concrete(seen).isnan().any():
        raise ValueError(f"`{name}` has a range that is not calibrated yet; call wordline.calibrate(chip, data) first")
    return seen
