"""Signed weights as pairs of conductances."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch
from torch import Tensor

from ..devices import Memristor
from ..values import Value


class AbstractEncoding(Value):
    """How a signed number in [-1, 1] is held by devices that know no sign."""

    @abc.abstractmethod
    def encode(self, units: Tensor, device: Memristor) -> Tensor:
        """Numbers in [-1, 1], `(...)` -> conductances in siemens, `(arrays, ...)`."""

    @abc.abstractmethod
    def decode(self, g: Tensor, device: Memristor) -> Tensor:
        """Effective conductances `(arrays, ...)` -> the numbers they multiply by, `(...)`; linear in g."""


@dataclass(frozen=True)
class DifferentialPair(AbstractEncoding):
    """Two arrays, one for each sign: G+- = g_off + max(+-u, 0)(g_on - g_off); u = (G+ - G-)/(g_on - g_off).

    >>> device, pair = Memristor(r_on_ohm=1.0, r_off_ohm=2.0), DifferentialPair()
    >>> pair.encode(torch.tensor([1.0, -1.0, 0.0]), device).tolist()
    [[1.0, 0.5, 0.5], [0.5, 1.0, 0.5]]
    >>> pair.decode(pair.encode(torch.tensor([1.0, -1.0, 0.0]), device), device).tolist()
    [1.0, -1.0, 0.0]
    """

    def encode(self, units: Tensor, device: Memristor) -> Tensor:
        """See `AbstractEncoding.encode`."""
        return device.conductance(torch.stack((units.clamp(min=0), (-units).clamp(min=0))))

    def decode(self, g: Tensor, device: Memristor) -> Tensor:
        """See `AbstractEncoding.decode`."""
        return (g[0] - g[1]) / (device.g_on_siemens - device.g_off_siemens)
