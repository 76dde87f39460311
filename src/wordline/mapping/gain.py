"""The digital gain behind the converters: a factor that undoes some of the shrink of the arrays."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..values import Value, require_instance


class AbstractGain(Value):
    """A factor on a layer's outputs, chosen from the weights alone: no data, no labels.

    `at_reading`: measure the gain when the chip is read, after its devices have drifted, instead
    of once at programming, before drift and all that is listed behind it. With a gain measured at
    programming, a chip that has lost half its conductance gives answers half as large.
    """

    at_reading: bool = False

    @property
    def timing(self) -> str:
        """The time of the measurement, in words."""
        return "at reading, after drift" if self.at_reading else "at programming, before drift"

    @abc.abstractmethod
    def solve(self, realised: Tensor, target: Tensor) -> Tensor:
        """Compute the gain from realised and target weights, `(groups, K, C)` each.

        The result broadcasts over `(groups, K, C)`.
        """


@final
@dataclass(frozen=True)
class UnitGain(AbstractGain):
    """No correction, as arXiv 2008.11298 describes its arrays: outputs keep the arrays' shrink."""

    at_reading: ClassVar[bool] = True  # it is 1 at any time

    @property
    def timing(self) -> str:
        return "never"

    def solve(self, realised: Tensor, target: Tensor) -> Tensor:
        return realised.new_ones(1, 1, 1)


@final
@dataclass(frozen=True)
class LeastSquaresGain(AbstractGain):
    """One factor a layer: s = <w_hat, w> / <w_hat, w_hat>, which minimises ||s w_hat - w||.

    w_hat are the realised weights, w the target. Measured at programming unless `at_reading`, see
    `AbstractGain`; 1 where all realised weights are zero.

    >>> import torch
    >>> w = torch.tensor([[[1.0, -2.0]]])
    >>> LeastSquaresGain().solve(0.5 * w, w).item()
    2.0
    """

    at_reading: bool = False

    def __post_init__(self) -> None:
        require_instance("at_reading", self.at_reading, bool)

    def solve(self, realised: Tensor, target: Tensor) -> Tensor:
        # Contiguous: the sum has one order, whatever the memory layout.
        return _least_squares(realised.contiguous(), target, (0, 1, 2))


@final
@dataclass(frozen=True)
class PerColumnGain(AbstractGain):
    """One least-squares factor for each output; 1 for a column whose realised weights are zero.

    Measured at programming unless `at_reading`, see `AbstractGain`.

    >>> import torch
    >>> w = torch.tensor([[[1.0, 3.0, 0.0]]])
    >>> PerColumnGain().solve(w * torch.tensor([0.5, 0.25, 1.0]), w).flatten().tolist()
    [2.0, 4.0, 1.0]
    """

    at_reading: bool = False

    def __post_init__(self) -> None:
        require_instance("at_reading", self.at_reading, bool)

    def solve(self, realised: Tensor, target: Tensor) -> Tensor:
        return _least_squares(realised.contiguous(), target, (1,))


# Magnitudes whose squares, and sums of many of those, float32 holds with room to spare.
_SAFE_TO_SQUARE = 2.0**-30, 2.0**30


def _least_squares(realised: Tensor, target: Tensor, dims: tuple[int, ...]) -> Tensor:
    """<realised, target> / <realised, realised>, or 1 where nothing was realised.

    Where squares would leave the type's range, both are first brought near one by powers of two.
    """
    largest = _max_abs(realised, dims), _max_abs(target, dims)
    low, high = _SAFE_TO_SQUARE
    if any(((x > 0) & ((x < low) | (x > high))).any() for x in largest):
        nonzero = (x.clamp(min=torch.finfo(x.dtype).tiny) for x in largest)
        power, target_power = (torch.frexp(x).mantissa / x for x in nonzero)
        ratio = _ratio(realised * power, target * target_power, dims)
        return ratio * (power / target_power)
    return _ratio(realised, target, dims)


def _max_abs(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    x = x.detach()
    return torch.maximum(x.amax(dims, keepdim=True), -x.amin(dims, keepdim=True))


def _ratio(realised: Tensor, target: Tensor, dims: tuple[int, ...]) -> Tensor:
    numerator = (realised * target).sum(dims, keepdim=True)
    denominator = (realised * realised).sum(dims, keepdim=True)
    empty = denominator == 0
    return (numerator / denominator.masked_fill(empty, 1.0)).masked_fill(empty, 1.0)
