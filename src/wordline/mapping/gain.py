"""The digital gain after the converters: how much of the array's global shrink is undone, always explicit."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..values import Value, require_instance


class AbstractGain(Value):
    """A factor on a layer's outputs, chosen from the weights alone: no data, no labels.

    `at_reading`: whether what the arrays make is measured when the chip is read, after its devices have drifted, or
    once when it was programmed, before drift and all that is listed behind it. Measured at programming, the gain of a
    chip that has lost half its conductance leaves its answers half as large.
    """

    at_reading: bool = False

    @property
    def moment(self) -> str:
        """When the gain is measured, in words."""
        return "at reading, after drift" if self.at_reading else "at programming, before drift"

    @abc.abstractmethod
    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Gain for made `(groups, K, C)` against wanted weights of the same shape; broadcasts over `(groups, K, C)`."""


@dataclass(frozen=True)
class UnitGain(AbstractGain):
    """No correction, as arXiv 2008.11298 describes its arrays: outputs come out as small as the array leaves them."""

    at_reading: ClassVar[bool] = True  # whenever it is asked for, it is 1

    @property
    def moment(self) -> str:
        """It is not measured."""
        return "never"

    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See `AbstractGain.solve`."""
        return made.new_ones(1, 1, 1)


@dataclass(frozen=True)
class LeastSquaresGain(AbstractGain):
    """One factor a layer: s = <made, wanted> / <made, made>, which minimises ||s made - wanted||.

    Measured at programming unless `at_reading`, see `AbstractGain`; 1 where the arrays make nothing.

    >>> import torch
    >>> w = torch.tensor([[[1.0, -2.0]]])
    >>> LeastSquaresGain().solve(0.5 * w, w).item()
    2.0
    """

    at_reading: bool = False

    def __post_init__(self) -> None:
        require_instance("at_reading", self.at_reading, bool)

    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See `AbstractGain.solve`."""
        made = made.contiguous()  # summed in one order, whatever its layout
        return _least_squares(made, wanted, (0, 1, 2))


@dataclass(frozen=True)
class PerColumnGain(AbstractGain):
    """One least-squares factor an output; a column for which the arrays make nothing gets 1.

    Measured at programming unless `at_reading`, see `AbstractGain`.

    >>> import torch
    >>> w = torch.tensor([[[1.0, 3.0, 0.0]]])
    >>> PerColumnGain().solve(w * torch.tensor([0.5, 0.25, 1.0]), w).flatten().tolist()
    [2.0, 4.0, 1.0]
    """

    at_reading: bool = False

    def __post_init__(self) -> None:
        require_instance("at_reading", self.at_reading, bool)

    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See `AbstractGain.solve`."""
        made = made.contiguous()
        return _least_squares(made, wanted, (1,))


def _least_squares(made: Tensor, wanted: Tensor, over: tuple[int, ...]) -> Tensor:
    """<made, wanted> / <made, made>, and 1 where nothing was made to scale.

    Where squares would leave the type's range, both are first brought near one by powers of two.
    """
    tops = _largest(made, over), _largest(wanted, over)
    if any(((top > 0) & ((top < _SQUARES[0]) | (top > _SQUARES[1]))).any() for top in tops):
        up, other = (torch.frexp(top).mantissa / top for top in (t.clamp(min=torch.finfo(t.dtype).tiny) for t in tops))
        return _ratio(made * up, wanted * other, over) * (up / other)
    return _ratio(made, wanted, over)


_SQUARES = 2.0**-30, 2.0**30  # magnitudes whose squares, and sums of many of them, float32 holds with room to spare


def _largest(x: Tensor, over: tuple[int, ...]) -> Tensor:
    x = x.detach()
    return torch.maximum(x.amax(over, keepdim=True), -x.amin(over, keepdim=True))


def _ratio(made: Tensor, wanted: Tensor, over: tuple[int, ...]) -> Tensor:
    above, below = (made * wanted).sum(over, keepdim=True), (made * made).sum(over, keepdim=True)
    empty = below == 0
    return (above / below.masked_fill(empty, 1.0)).masked_fill(empty, 1.0)
