"""Laws of devices: the current at a voltage, and its slope."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ...values import Value, require_number


class AbstractDeviceLaw(Value, ABC):
    """The current through a two-terminal device, which never falls as its voltage rises.

        i = current(v, g),   slope(v, g) = di/dv >= 0

    A law of your own is a frozen dataclass whose `current` is written in differentiable torch
    operations that act cell by cell; `slope` then comes from autograd. `v`: device voltages, volt;
    `g`: programmed conductances, siemens; both float64 of one shape; the result is in ampere. It
    may be called from several threads at once. Write `slope` too where its formula is known, which
    saves time, and `spice` where `netlist` should know the device.

    >>> @dataclass(frozen=True)
    ... class Cubic(AbstractDeviceLaw):
    ...     k: float
    ...     def current(self, v, g):
    ...         return g * (v + self.k * v**3)
    >>> v = torch.tensor(0.5, dtype=torch.float64)
    >>> g = torch.tensor(1e-3, dtype=torch.float64)
    >>> round(Cubic(k=2.0).slope(v, g).item(), 12)  # 1e-3 (1 + 3 * 2 * 0.25)
    0.0025
    """

    @abstractmethod
    def current(self, v: Tensor, g: Tensor) -> Tensor:
        """Compute the current through each device, in ampere."""

    def slope(self, v: Tensor, g: Tensor) -> Tensor:
        """Compute the differential conductance di/dv of each device, in siemens.

        By autograd, unless a law overrides it.
        """
        with torch.enable_grad():
            v = v.detach().requires_grad_()
            i = self.current(v, g.detach())
            if not i.requires_grad:
                raise ValueError(
                    f"`law` {type(self).__name__}: `current` does not depend differentiably on "
                    "`v`; use torch operations throughout, or define `slope` as well"
                )
            (slope,) = torch.autograd.grad(i, v, torch.ones_like(i))
        return slope

    def spice(self, name: str, plus: str, minus: str, siemens: float) -> str:
        """Write the SPICE line of one device between two nodes.

        `name` is its row and column, such as `3_7`.
        """
        raise ValueError(
            f"`law` {type(self).__name__} has no SPICE element; "
            "define `spice(name, plus, minus, siemens)` on it, for instance returning a B source"
        )


@final
@dataclass(frozen=True)
class Ohmic(AbstractDeviceLaw):
    """A device that is a resistor: I = g V.

    >>> Ohmic().current(torch.tensor(0.5), torch.tensor(2.0)).item()
    1.0
    """

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        return g * v

    def slope(self, v: Tensor, g: Tensor) -> Tensor:
        return g.expand_as(v)

    def spice(self, name: str, plus: str, minus: str, siemens: float) -> str:
        return f"Rd{name} {plus} {minus} {1 / siemens!r}"


@final
@dataclass(frozen=True)
class SinhDevice(AbstractDeviceLaw):
    """A device whose current grows as the hyperbolic sine of its voltage: I = g sinh(b V) / b.

    `b`: per volt; g is the conductance at small voltage, the current exceeds the ohmic one by
    (b V)^2 / 6, and b = 0 is ohmic. Describes filaments up to some 0.5 V per device. The current is
    infinite where the exponential leaves the range of numbers.

    >>> v = torch.tensor(0.25, dtype=torch.float64)
    >>> g = torch.tensor(1e-3, dtype=torch.float64)
    >>> round(SinhDevice(b=4.0).current(v, g).item(), 12)  # 1e-3 sinh(1) / 4
    0.000293800298
    """

    b: float

    def __post_init__(self) -> None:
        require_number("b", self.b, at_least=0.0)

    @property
    def _is_ohmic(self) -> bool:
        # Below this, sinh(b V) / b is V to the last bit up to a megavolt, and b V could become a
        # denormal number.
        return self.b < 1e-14

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        # Not torch.sinh, whose last bit depends on where in a tensor a number stands.
        x = self.b * v
        if self._is_ohmic:
            return g * v
        return g * ((torch.expm1(x) - torch.expm1(-x)) / (2 * self.b))

    def slope(self, v: Tensor, g: Tensor) -> Tensor:
        x = self.b * v
        if self._is_ohmic:
            return g.expand_as(v)
        return g * ((torch.exp(x) + torch.exp(-x)) / 2)

    def spice(self, name: str, plus: str, minus: str, siemens: float) -> str:
        if self._is_ohmic:
            return Ohmic().spice(name, plus, minus, siemens)
        source = f"{siemens / self.b!r}*sinh({self.b!r}*V({plus},{minus}))"
        return f"Bd{name} {plus} {minus} I={source}"
