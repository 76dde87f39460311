"""Encodings of signed weights by conductances, which have no sign."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from ..values import Value, require_instance


class AbstractEncoding(Value):
    """A rule by which shares of the conductance window in [0, 1] hold a signed number in [-1, 1].

    `zero_share` is the share that represents zero where one device holds both signs: 1/2, or the
    nearest code above it where weights are cut into slices of bits.
    """

    subtracts_currents: ClassVar[bool] = False  # in front of converters, instead of codes
    sign_bits: ClassVar[int]  # bits of a fixed-point weight that the choice of the array replaces
    spare_cols: ClassVar[int]  # columns of each tile that hold no weight

    @abc.abstractmethod
    def shares(self, units: Tensor, zero_share: float) -> Tensor:
        """Encode numbers in [-1, 1]: `(..., rows, cols - spare)` -> `(arrays, ..., rows, cols)`."""

    @abc.abstractmethod
    def difference(self, outputs: Tensor, zero_share: float) -> Tensor:
        """Decode column outputs, in shares: `(arrays, ..., cols)` -> `(..., cols - spare)`.

        Linear and digital: applied to currents after conversion, or to effective conductances.
        """


@final
@dataclass(frozen=True)
class DifferentialPair(AbstractEncoding):
    """Two arrays whose outputs are subtracted: u = (G+ - G-)/(g_on - g_off).

    One-sided, only one of the two devices leaves g_off: shares max(+-u, 0). Two-sided, both move
    about the middle of the window: shares (1 +- u)/2. That halves the noise of the difference, but
    not the offset current. `analog`: one converter sees the difference of the two currents.

    >>> pair = DifferentialPair()
    >>> pair.shares(torch.tensor([1.0, -1.0, 0.0]), 0.5).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    >>> DifferentialPair(two_sided=True).shares(torch.tensor([1.0, -1.0, 0.0]), 0.5).tolist()
    [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]
    """

    two_sided: bool = False
    analog: bool = False
    spare_cols: ClassVar[int] = 0

    def __post_init__(self) -> None:
        require_instance("analog", self.analog, bool)

    @property
    def subtracts_currents(self) -> bool:  # type: ignore[override]
        return self.analog

    @property
    def sign_bits(self) -> int:  # type: ignore[override]
        """One, unless both devices hold the sign."""
        return 0 if self.two_sided else 1

    def shares(self, units: Tensor, zero_share: float) -> Tensor:
        if self.two_sided:
            swing = (1 - zero_share) * units
            return torch.stack((zero_share + swing, zero_share - swing))
        return torch.stack((units, -units)).clamp(min=0) + 0.0  # not -0.0

    def difference(self, outputs: Tensor, zero_share: float) -> Tensor:
        difference = outputs[0] - outputs[1]
        return difference / (2 * (1 - zero_share)) if self.two_sided else difference


@final
@dataclass(frozen=True)
class OffsetColumn(AbstractEncoding):
    """One array; the last column of every tile holds the middle of the window and is subtracted.

    Shares (1 + u)/2. Takes half the arrays of a pair and one column of every tile; every current
    carries the offset.

    >>> OffsetColumn().shares(torch.tensor([[1.0, -1.0]]), 0.5).tolist()
    [[[1.0, 0.0, 0.5]]]
    """

    sign_bits: ClassVar[int] = 0
    spare_cols: ClassVar[int] = 1

    def shares(self, units: Tensor, zero_share: float) -> Tensor:
        shares = zero_share + (1 - zero_share) * units
        return functional.pad(shares, (0, 1), value=zero_share).unsqueeze(0)

    def difference(self, outputs: Tensor, zero_share: float) -> Tensor:
        return (outputs[0, ..., :-1] - outputs[0, ..., -1:]) / (1 - zero_share)
