"""The digital gain after the converters: how much of the array's global shrink is undone, always explicit."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from torch import Tensor

from ..values import Value


class AbstractGain(Value):
    """A factor on a layer's outputs, chosen from the weights alone: no data, no labels."""

    @abc.abstractmethod
    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Gain for made `(groups, K, C)` against wanted weights of the same shape; broadcasts over `(groups, K, C)`."""


@dataclass(frozen=True)
class UnitGain(AbstractGain):
    """No correction, as arXiv 2008.11298 describes its arrays: outputs come out as small as the array leaves them."""

    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See `AbstractGain.solve`."""
        return made.new_ones(1, 1, 1)


@dataclass(frozen=True)
class LeastSquaresGain(AbstractGain):
    """One factor a layer: s = <made, wanted> / <made, made>, which minimises ||s made - wanted||.

    >>> import torch
    >>> w = torch.tensor([[[1.0, -2.0]]])
    >>> LeastSquaresGain().solve(0.5 * w, w).item()
    2.0
    """

    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See `AbstractGain.solve`."""
        made = made.contiguous()  # summed in one order, whatever its layout
        return _ratio((made * wanted).sum((0, 1, 2), keepdim=True), (made * made).sum((0, 1, 2), keepdim=True))


@dataclass(frozen=True)
class PerColumnGain(AbstractGain):
    """One least-squares factor an output; a column of zeros gets 1.

    >>> import torch
    >>> w = torch.tensor([[[1.0, 3.0, 0.0]]])
    >>> PerColumnGain().solve(w * torch.tensor([0.5, 0.25, 1.0]), w).flatten().tolist()
    [2.0, 4.0, 1.0]
    """

    def solve(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See `AbstractGain.solve`."""
        made = made.contiguous()
        return _ratio((made * wanted).sum(1, keepdim=True), (made * made).sum(1, keepdim=True))


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and 1 where nothing was made to scale."""
    empty = below == 0
    return (above / below.masked_fill(empty, 1.0)).masked_fill(empty, 1.0)
