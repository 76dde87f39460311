"""Ranges: the full scale of a converter."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..transforms import concrete
from ..values import Value, require_number


class AbstractRange(Value):
    """The largest magnitude that a converter resolves; beyond it the converter saturates."""


class AbstractInputRange(AbstractRange):
    """A full scale for a DAC."""

    @abc.abstractmethod
    def of_inputs(self, x: Tensor, measured: Tensor) -> Tensor:
        """Return the full scale for activations `(samples, ...)`, in their unit.

        The result broadcasts over `x`. `measured`: full scale found by `calibrate`, NaN before.
        """

    def differentiable(self, x: Tensor, measured: Tensor) -> Tensor:
        """Return the same with its derivative by `x`, where outputs do not just scale with it."""
        return self.of_inputs(x, measured)


class AbstractOutputRange(AbstractRange):
    """A full scale for an ADC."""

    @abc.abstractmethod
    def of_outputs(
        self, largest: float, finest: float, ampere: float, measured: Tensor
    ) -> Tensor | float:
        """Return the full scale in units of the layer's outputs.

        `largest`: output of a column of on cells under full voltage; `finest`: the full scale at
        which one code is the smallest product of a sliced weight and a streamed input, or 0;
        `ampere`: one ampere; `measured`: full scale found by `calibrate`, NaN before.
        """


@final
@dataclass(frozen=True)
class SampleMax(AbstractInputRange):
    """A DAC range scaled, digitally, to the largest magnitude of each sample; needs no calibration.

    >>> x, uncalibrated = torch.tensor([[1.0, -4.0], [0.5, 0.0]]), torch.tensor(torch.nan)
    >>> SampleMax().of_inputs(x, uncalibrated).flatten().tolist()
    [4.0, 0.5]
    """

    def of_inputs(self, x: Tensor, measured: Tensor) -> Tensor:
        """Return each sample's largest magnitude, a constant for derivatives; 1 for all zeros."""
        return self.differentiable(x.detach(), measured)

    def differentiable(self, x: Tensor, measured: Tensor) -> Tensor:
        flat = x.flatten(1) if x.dim() > 1 else x[None]
        least, most = flat.aminmax(dim=1)
        largest = torch.maximum(most, -least).view(-1, *(1,) * (x.dim() - 1))
        return largest.where(largest > 0, torch.ones_like(largest))


@final
@dataclass(frozen=True)
class FullScale(AbstractOutputRange):
    """An ADC range that is a share of the current of a column of on cells without parasitics.

    Where weights are sliced and inputs streamed, a code is never finer than the smallest product of
    the two.

    >>> uncalibrated = torch.tensor(torch.nan)
    >>> FullScale(0.5).of_outputs(largest=64.0, finest=0.0, ampere=1e6, measured=uncalibrated)
    32.0
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        require_number("share", self.share, above=0.0)

    def of_outputs(
        self, largest: float, finest: float, ampere: float, measured: Tensor
    ) -> Tensor | float:
        return max(self.share * largest, finest)


@final
@dataclass(frozen=True)
class OutputBound(AbstractOutputRange):
    """An ADC range of so many largest products: a device at g_on less one at g_off, full voltage.

    The same for arrays of any height, as `out_bound` of aihwkit (arXiv 2104.02184): weights and
    inputs count from -1 to 1 there, so that a product is at most 1.

    >>> uncalibrated = torch.tensor(torch.nan)
    >>> OutputBound(10.0).of_outputs(largest=64.0, finest=0.0, ampere=1e6, measured=uncalibrated)
    10.0
    """

    products: float

    def __post_init__(self) -> None:
        require_number("products", self.products, above=0.0)

    def of_outputs(
        self, largest: float, finest: float, ampere: float, measured: Tensor
    ) -> Tensor | float:
        return self.products


@final
@dataclass(frozen=True)
class FixedRange(AbstractInputRange, AbstractOutputRange):
    """A given full scale: activations for a DAC, amperes for an ADC.

    >>> FixedRange(4.0).of_inputs(torch.ones(2), torch.tensor(torch.nan)).item()
    4.0
    """

    limit: float

    def __post_init__(self) -> None:
        require_number("limit", self.limit, above=0.0)

    def of_inputs(self, x: Tensor, measured: Tensor) -> Tensor:
        return x.new_tensor(self.limit)

    def of_outputs(
        self, largest: float, finest: float, ampere: float, measured: Tensor
    ) -> Tensor | float:
        return self.limit * ampere


@final
@dataclass(frozen=True)
class Calibrated(AbstractInputRange, AbstractOutputRange):
    """A full scale measured once per layer by `calibrate(chip, data)`: a percentile of magnitudes.

    100 is their maximum; less lets outliers saturate so that the others are resolved better.

    >>> Calibrated(50).measure(torch.tensor([1.0, -2.0, 9.0])).item()
    2.0
    """

    percent: float = 100.0

    def __post_init__(self) -> None:
        require_number("percent", self.percent, above=0.0, at_most=100.0)

    def of_inputs(self, x: Tensor, measured: Tensor) -> Tensor:
        return _measured("dac", measured)

    def of_outputs(
        self, largest: float, finest: float, ampere: float, measured: Tensor
    ) -> Tensor | float:
        return _measured("adc", measured)

    def measure(self, values: Tensor) -> Tensor:
        """Compute the percentile of the magnitudes of one batch of values."""
        magnitudes = values.detach().abs().flatten()
        # The smallest rank of that share; torch.quantile stops at 16 M elements.
        rank = max(1, -int(-self.percent * magnitudes.numel() // 100))
        return magnitudes.kthvalue(rank).values if self.percent < 100 else magnitudes.amax()


def _measured(name: str, measured: Tensor) -> Tensor:
    if concrete(measured).isnan().any():
        raise ValueError(
            f"`{name}` has a range that is not calibrated yet; "
            "call wordline.calibrate(chip, data) first"
        )
    return measured
