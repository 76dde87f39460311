"""Converters between numbers and volts or amperes, each with the gradient it declares."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, field
from typing import Literal, cast, final

import torch
from torch import Tensor

from ..straight_through import value_with_gradient_of
from ..transforms import needs_derivative
from ..values import Value, require_choice, require_instance, require_integer
from .ranges import (
    AbstractInputRange,
    AbstractOutputRange,
    AbstractRange,
    Calibrated,
    FixedRange,
    SampleMax,
)

Gradient = Literal["exact", "straight-through", "none"]


class AbstractConverter(Value):
    """A DAC in front of the word lines, or an ADC behind every column of a tile."""

    range: AbstractRange
    gradient: Gradient
    lower_bound: float  # lowest share of full scale that has a code
    less_off_current: bool

    @property
    @abc.abstractmethod
    def ideal(self) -> bool:
        """True where values pass unchanged."""

    @property
    @abc.abstractmethod
    def steps(self) -> int:
        """Steps from zero to full scale; 0 where there are none."""

    def input_limit(self, x: Tensor, measured: Tensor) -> Tensor:
        """Return the full scale of a DAC; see `AbstractInputRange.of_inputs`."""
        return cast(AbstractInputRange, self.range).of_inputs(x, measured)

    def differentiable_input_limit(self, x: Tensor, measured: Tensor) -> Tensor:
        """Return the full scale of a DAC with its derivative by the inputs."""
        return cast(AbstractInputRange, self.range).differentiable(x, measured)

    def output_limit(
        self, largest: float, finest: float, ampere: float, measured: Tensor
    ) -> Tensor | float:
        """Return the full scale of an ADC; see `AbstractOutputRange.of_outputs`."""
        return cast(AbstractOutputRange, self.range).of_outputs(largest, finest, ampere, measured)

    @abc.abstractmethod
    def convert(self, u: Tensor) -> Tensor:
        """Convert values, in shares of full scale, to the values of their codes."""


@final
@dataclass(frozen=True)
class IdealConverter(AbstractConverter):
    """No rounding, no saturation.

    `range` (DAC): the input of full voltage, where volts matter, as in curved devices and output
    noise: the largest of each sample, or a `FixedRange`, beyond which the voltage goes on rising.

    >>> u = torch.tensor([0.3, -7.0])
    >>> IdealConverter().convert(u) is u
    True
    """

    gradient = "exact"
    lower_bound = -math.inf
    less_off_current = False

    range: AbstractRange = field(default_factory=SampleMax)

    def __post_init__(self) -> None:
        require_instance("range", self.range, (SampleMax, FixedRange))

    @property
    def ideal(self) -> bool:
        return True

    @property
    def steps(self) -> int:
        return 0

    def convert(self, u: Tensor) -> Tensor:
        return u


@final
@dataclass(frozen=True)
class UniformConverter(AbstractConverter):
    """Evenly spaced codes up to full scale, halves rounded up, saturating beyond.

    `bits`: signed codes are -(2^(bits-1) - 1) to 2^(bits-1) - 1, unsigned ones 0 to 2^bits - 1.
    `range`: full scale. `gradient`: "straight-through" passes derivatives inside the range and
    stops them where the converter saturates; "none" is the true derivative of the rounding, zero,
    with which gradient attacks fail. `less_off_current` (ADC): subtract from a column's current
    g_off times the sum of the voltages, which a reference column of off cells would carry without
    parasitics; wires make columns of few on cells carry less than that, and an unsigned converter
    clips those to zero.

    >>> UniformConverter(bits=3).convert(torch.tensor([0.34, -0.4, 5.0])).mul(3).tolist()
    [1.0, -1.0, 3.0]
    """

    bits: int
    range: AbstractRange = field(default_factory=Calibrated)
    signed: bool = True
    gradient: Literal["straight-through", "none"] = "straight-through"
    less_off_current: bool = False

    def __post_init__(self) -> None:
        require_integer("bits", self.bits, at_least=2 if self.signed else 1)
        if self.bits > 24:
            raise ValueError(
                f"`bits` must be at most 24, got {self.bits}; "
                "finer codes are below float32 resolution"
            )
        require_instance("range", self.range, AbstractRange)
        require_choice("gradient", self.gradient, ("straight-through", "none"))

    @property
    def ideal(self) -> bool:
        return False

    @property
    def steps(self) -> int:
        return 2 ** (self.bits - 1) - 1 if self.signed else 2**self.bits - 1

    @property
    def lower_bound(self) -> float:  # type: ignore[override]
        return -1.0 if self.signed else 0.0

    def convert(self, u: Tensor) -> Tensor:
        clamped = u.detach().clamp(self.lower_bound, 1.0)
        codes = clamped.mul_(self.steps).add_(0.5).floor_().div_(self.steps)
        if not needs_derivative(u):
            return codes
        return value_with_gradient_of(codes, u.where(self._passes(u), 0))

    def _passes(self, u: Tensor) -> Tensor:
        """Mask of the values whose derivative is one; elsewhere it is zero."""
        half = 0.5 / self.steps  # a value that rounds to an outermost code has not saturated
        inside = (u >= self.lower_bound - half) & (u < 1 + half)
        return inside if self.gradient == "straight-through" else torch.zeros_like(inside)


def require_dac(converter: AbstractConverter) -> None:
    """Refuse a converter that cannot stand in front of the word lines."""
    require_instance("dac", converter, AbstractConverter)
    require_instance("dac range", converter.range, AbstractInputRange)
    if isinstance(converter, UniformConverter) and converter.less_off_current:
        raise ValueError("`dac` has no off current to remove; `less_off_current` belongs to `adc`")


def require_adc(converter: AbstractConverter) -> None:
    """Refuse a converter that cannot stand behind a column."""
    require_instance("adc", converter, AbstractConverter)
    if not converter.ideal:
        require_instance("adc range", converter.range, AbstractOutputRange)
