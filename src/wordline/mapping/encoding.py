"""Signed weights on devices that know no sign."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ..values import Value


class AbstractEncoding(Value):
    """How a signed number in [-1, 1] is held by shares of the conductance window in [0, 1].

    `middle` is the share that stands for zero where one device holds both signs: 1/2, or the nearest code above it
    where weights are cut into slices of bits.
    """

    sign_bits: ClassVar[int]  # bits of a fixed-point weight that need no cell because the array says the sign
    spare_cols: ClassVar[int]  # columns of each tile that hold no weight

    @abc.abstractmethod
    def shares(self, units: Tensor, middle: float) -> Tensor:
        """Numbers in [-1, 1], tiles `(..., rows, cols - spare)` -> shares `(arrays, ..., rows, cols)`."""

    @abc.abstractmethod
    def difference(self, answers: Tensor, middle: float) -> Tensor:
        """What columns answer, in shares, `(arrays, ..., cols)` -> what the numbers would, `(..., cols - spare)`.

        Linear, and digital: it acts on currents after conversion, or on an effective conductance.
        """


@dataclass(frozen=True)
class DifferentialPair(AbstractEncoding):
    """Two arrays whose answers are subtracted: u = (G+ - G-)/(g_on - g_off).

    One-sided, only one of the two leaves g_off: shares max(+-u, 0). Two-sided, both move about the middle: shares
    (1 +- u)/2, and the difference is halved in noise but not in offset current.

    >>> pair = DifferentialPair()
    >>> pair.shares(torch.tensor([1.0, -1.0, 0.0]), 0.5).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    >>> DifferentialPair(two_sided=True).shares(torch.tensor([1.0, -1.0, 0.0]), 0.5).tolist()
    [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]
    """

    two_sided: bool = False
    spare_cols: ClassVar[int] = 0

    @property
    def sign_bits(self) -> int:  # type: ignore[override]
        """One, unless both devices hold the sign."""
        return 0 if self.two_sided else 1

    def shares(self, units: Tensor, middle: float) -> Tensor:
        """See `AbstractEncoding.shares`."""
        if self.two_sided:
            swing = (1 - middle) * units
            return torch.stack((middle + swing, middle - swing))
        return torch.stack((units, -units)).clamp(min=0) + 0.0  # not -0.0

    def difference(self, answers: Tensor, middle: float) -> Tensor:
        """See `AbstractEncoding.difference`."""
        less = answers[0] - answers[1]
        return less / (2 * (1 - middle)) if self.two_sided else less


@dataclass(frozen=True)
class OffsetColumn(AbstractEncoding):
    """One array whose last column of every tile is programmed to the middle of the window and subtracted.

    Shares (1 + u)/2; half the arrays of a pair, one column less a tile, and every current carries the offset.

    >>> OffsetColumn().shares(torch.tensor([[1.0, -1.0]]), 0.5).tolist()
    [[[1.0, 0.0, 0.5]]]
    """

    sign_bits: ClassVar[int] = 0
    spare_cols: ClassVar[int] = 1

    def shares(self, units: Tensor, middle: float) -> Tensor:
        """See `AbstractEncoding.shares`."""
        return functional.pad(middle + (1 - middle) * units, (0, 1), value=middle).unsqueeze(0)

    def difference(self, answers: Tensor, middle: float) -> Tensor:
        """See `AbstractEncoding.difference`."""
        return (answers[0, ..., :-1] - answers[0, ..., -1:]) / (1 - middle)
