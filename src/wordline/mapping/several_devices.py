"""Several analog devices for a weight on one column: shared, or one after another."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..values import require_integer, require_number
from .slicing import AbstractOneRead


class AbstractSeveralDevices(AbstractOneRead):
    """Devices of one weight whose currents add up on a column, in front of its converter.

    Each device is programmed, varies and drifts for itself. In a circuit with wires they are
    solved as arrays of their own, one for each device.
    """

    shares_columns: ClassVar[bool] = True


@final
@dataclass(frozen=True)
class SharedDevices(AbstractSeveralDevices):
    """n devices that hold the same share of the window each, so that their errors average out.

        share = (share_1 + ... + share_n) / n

    The standard deviation of independent errors falls by sqrt(n).

    >>> SharedDevices(2).slices(1), SharedDevices(2).slice_digits(torch.tensor([0.3]), 1).tolist()
    ((0.5, 0.5), [0.30000001192092896, 0.30000001192092896])
    """

    devices: int

    def __post_init__(self) -> None:
        require_integer("devices", self.devices, at_least=2)

    def slices(self, sign_bits: int) -> tuple[float, ...]:
        return (1 / self.devices,) * self.devices

    def slice_digits(self, shares: Tensor, sign_bits: int) -> Tensor:
        return torch.cat([shares] * self.devices)


@final
@dataclass(frozen=True)
class SequentialDevices(AbstractSeveralDevices):
    """Devices of given significances, each used once those before it are full.

        share_k = clip((f share - (f_1 + ... + f_(k-1))) / f_k, 0, 1),    f = f_1 + ... + f_n

    `significances`: f_1, f_2, ..., in the order in which they fill up; a current mirror or the
    length of a pulse makes them. Small weights then meet the errors of the first devices alone.
    Source: `NPairConductanceConverter` of aihwkit.

    >>> SequentialDevices((1.0, 3.0)).slice_digits(torch.tensor([0.125, 0.625]), 1).tolist()
    [0.5, 1.0, 0.0, 0.5]
    """

    significances: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.significances, tuple) or len(self.significances) < 2:
            raise TypeError(
                "`significances` must be a tuple of at least two numbers, got "
                f"{self.significances!r}; write (1.0, 3.0) for a first and a second device"
            )
        for value in self.significances:
            require_number("significances", value, above=0.0)

    def slices(self, sign_bits: int) -> tuple[float, ...]:
        total = math.fsum(self.significances)
        return tuple(value / total for value in self.significances)

    def slice_digits(self, shares: Tensor, sign_bits: int) -> Tensor:
        worth = self.slices(sign_bits)
        full = itertools.accumulate(worth, initial=0.0)
        return torch.cat(
            [((shares - low) / w).clamp(0, 1) for low, w in zip(full, worth, strict=False)]
        )
