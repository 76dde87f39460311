"""Weights over several cells, inputs over several reads: fixed-point arithmetic on devices of few bits."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor

from ..transforms import concrete, grad_of, needs_derivative
from ..values import Value, require_integer


class AbstractSlicing(Value):
    """How a weight is spread over cells and an input over reads, and what their answers count for."""

    gradient: ClassVar[Literal["exact", "straight-through"]]

    @property
    @abc.abstractmethod
    def middle(self) -> float:
        """The share of the window that stands for zero where one device holds both signs."""

    @property
    @abc.abstractmethod
    def product_step(self) -> float:
        """Smallest difference between two answers of an ideal array, in shares; 0 where there is none."""

    @abc.abstractmethod
    def slices(self, sign_bits: int) -> tuple[float, ...]:
        """Significance of each slice: share = sum_k significance_k share_k."""

    @abc.abstractmethod
    def cut(self, shares: Tensor, sign_bits: int) -> Tensor:
        """Shares `(arrays, ...)` in [0, 1] -> shares of single cells `(slices * arrays, ...)`, slices outermost."""

    @abc.abstractmethod
    def streams(self, u: Tensor) -> Iterator[tuple[float, Tensor]]:
        """Inputs in [-1, 1] -> (significance, word-line voltages in shares of the read voltage), read after read."""

    @property
    def sums_exactly(self) -> bool:
        """Whether the accumulator keeps every product."""
        return True

    def rounded(self, u: Tensor) -> Tensor:
        """The inputs that all reads together stand for."""
        return cast(Tensor, sum(significance * share for significance, share in self.streams(u)))

    @abc.abstractmethod
    def accumulate(self, y: Tensor) -> Tensor:
        """What the digital accumulator keeps of a finished sum of products."""

    def merge(self, answers: Tensor, sign_bits: int) -> Tensor:
        """Answers of all cells `(slices * arrays, ...)` -> `(arrays, ...)`, shifted and added."""
        significances = self.slices(sign_bits)
        if len(significances) == 1 and significances[0] == 1.0:
            return answers
        weights = answers.new_tensor(significances)
        return torch.tensordot(weights, answers.unflatten(0, (len(significances), -1)), dims=1)


@dataclass(frozen=True)
class NoSlicing(AbstractSlicing):
    """One analog cell a weight, one read an input.

    >>> NoSlicing().slices(1), [s for s, _ in NoSlicing().streams(torch.zeros(2))]
    ((1.0,), [1.0])
    """

    gradient: ClassVar[Literal["exact", "straight-through"]] = "exact"

    @property
    def middle(self) -> float:
        """See `AbstractSlicing.middle`."""
        return 0.5

    @property
    def product_step(self) -> float:
        """See `AbstractSlicing.product_step`."""
        return 0.0

    def slices(self, sign_bits: int) -> tuple[float, ...]:
        """See `AbstractSlicing.slices`."""
        return (1.0,)

    def cut(self, shares: Tensor, sign_bits: int) -> Tensor:
        """See `AbstractSlicing.cut`."""
        return shares

    def streams(self, u: Tensor) -> Iterator[tuple[float, Tensor]]:
        """See `AbstractSlicing.streams`. Negative inputs are negative voltages."""
        yield 1.0, u

    def accumulate(self, y: Tensor) -> Tensor:
        """See `AbstractSlicing.accumulate`."""
        return y


@dataclass(frozen=True)
class BitSlicing(AbstractSlicing):
    """Fixed-point weights over cells of `cell_bits`, fixed-point inputs in streams of `stream_bits`.

    A weight is q / (2^(weight_bits-1) - 1) of the layer's largest, q a whole number; a pair of arrays says its sign,
    so its magnitude fills weight_bits - 1 bits (weight_bits with one device for both signs), cut into digits of base
    2^cell_bits, one cell each. An input likewise, in reads of 2^stream_bits voltages; negative inputs take a second
    pass that is subtracted. Digitised partial products are shifted and added. `accumulator_bits`: width of the sum in
    steps of the smallest product, sign included, saturating; 0 is as wide as needed. `accumulator_drops`: lowest bits
    that are cut off, toward zero, after the sum.

    Gradients pass straight through the digits: each slice and each stream follows its number with an equal slope.

    >>> cut = BitSlicing(weight_bits=5, cell_bits=2, input_bits=5, stream_bits=2)
    >>> cut.cut(torch.tensor([[14 / 15]]), 1).mul(3).flatten().tolist()  # 14 = 3 * 4 + 2
    [2.0, 3.0]
    >>> [round(15 * s / 3) for s in cut.slices(1)]
    [1, 4]
    """

    weight_bits: int
    cell_bits: int
    input_bits: int
    stream_bits: int
    accumulator_bits: int = 0
    accumulator_drops: int = 0
    gradient: ClassVar[Literal["exact", "straight-through"]] = "straight-through"

    def __post_init__(self) -> None:
        for name, part in (("weight_bits", "cell_bits"), ("input_bits", "stream_bits")):
            require_integer(name, getattr(self, name), at_least=2)
            require_integer(part, getattr(self, part), at_least=1)
            if getattr(self, name) > 24:
                raise ValueError(f"`{name}` must be at most 24, got {getattr(self, name)}; float32 holds no more")
            if getattr(self, part) > 12:
                raise ValueError(f"`{part}` must be at most 12, got {getattr(self, part)}; no device has more levels")
        require_integer("accumulator_bits", self.accumulator_bits, at_least=0)
        require_integer("accumulator_drops", self.accumulator_drops, at_least=0)

    @property
    def sums_exactly(self) -> bool:
        """See `AbstractSlicing.sums_exactly`."""
        return not self.accumulator_bits and not self.accumulator_drops

    @property
    def middle(self) -> float:
        """See `AbstractSlicing.middle`: the code 2^(b-1) of 2^b - 1."""
        return 2 ** (self.weight_bits - 1) / (2**self.weight_bits - 1)

    @property
    def product_step(self) -> float:
        """See `AbstractSlicing.product_step`."""
        return 1 / ((2**self.cell_bits - 1) * (2**self.stream_bits - 1))

    def slices(self, sign_bits: int) -> tuple[float, ...]:
        """See `AbstractSlicing.slices`."""
        return _significances(self.weight_bits - sign_bits, self.cell_bits)

    def cut(self, shares: Tensor, sign_bits: int) -> Tensor:
        """See `AbstractSlicing.cut`."""
        digits = _digits(shares, self.weight_bits - sign_bits, self.cell_bits)
        return torch.stack(digits).flatten(0, 1)

    def streams(self, u: Tensor) -> Iterator[tuple[float, Tensor]]:
        """See `AbstractSlicing.streams`."""
        bits = self.input_bits - 1
        significances = _significances(bits, self.stream_bits)
        positive = u >= 0
        for sign, here in ((1.0, positive), (-1.0, ~positive)):
            if sign < 0 and not bool(concrete(here).any()):
                continue  # no negative input: the second pass would read zero volts
            part = (sign * u).where(here, 0)
            for significance, digits in zip(significances, _digits(part, bits, self.stream_bits), strict=True):
                yield sign * significance, digits

    def accumulate(self, y: Tensor) -> Tensor:
        """See `AbstractSlicing.accumulate`."""
        if self.sums_exactly:
            return y
        step = 1 / ((2 ** (self.weight_bits - 1) - 1) * (2 ** (self.input_bits - 1) - 1))
        most = 2.0 ** (self.accumulator_bits - 1) - 1 if self.accumulator_bits else torch.inf
        step *= 2**self.accumulator_drops
        known = y.detach()
        steps = (known.double() / step + 1e-6 * known.sign()).trunc_()  # toward zero; what is a whole number stays one
        kept = (steps.clamp(-most, most) * step).to(y.dtype)
        return grad_of(y.where(steps.abs() <= most, 0), value=kept) if needs_derivative(y) else kept


def _significances(bits: int, digit: int) -> tuple[float, ...]:
    count = -(-bits // digit)
    return tuple((2**digit - 1) * 2 ** (digit * k) / (2**bits - 1) for k in range(count))


def _digits(shares: Tensor, bits: int, digit: int) -> list[Tensor]:
    """Digits of round(share (2^bits - 1)) in shares of the largest digit, lowest first."""
    count, largest = -(-bits // digit), 2**digit - 1
    known = shares.detach()
    codes = (known.double() * (2**bits - 1) + 0.5).floor_().to(torch.int32)
    wide = torch.promote_types(shares.dtype, torch.float32)  # that holds every digit
    digits = [((codes >> digit * k) & largest).to(wide).div_(largest).to(shares.dtype) for k in range(count)]
    if not bool(concrete(shares).sum().isfinite()):  # where any is none, NaN has to stay NaN: whole numbers do not say it
        digits = [number + 0 * known for number in digits]
    if not needs_derivative(shares):
        return digits
    slope = 1 / sum(_significances(bits, digit))
    return [grad_of(shares * slope, value=number) for number in digits]
