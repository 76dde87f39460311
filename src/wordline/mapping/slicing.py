"""Bit slicing: weights over several cells and inputs over several reads, in fixed point."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, cast, final

import torch
from torch import Tensor

from ..straight_through import value_with_gradient_of
from ..transforms import concrete, needs_derivative
from ..values import Value, require_integer

_MAX_BITS = 24  # of a weight or an input; float32 holds no more
_MAX_DIGIT_BITS = 12  # of a cell or a stream; no device has more levels


class AbstractSlicing(Value):
    """A rule that spreads a weight over cells and an input over reads, and adds the outputs up.

    `analog`: cells and inputs hold any number, and nothing is added up after conversion but tiles;
    `shares_columns`: the cells of a weight share a column, so that their currents add up in front
    of its converter.
    """

    gradient: ClassVar[Literal["exact", "straight-through"]]
    analog: ClassVar[bool] = False
    shares_columns: ClassVar[bool] = False

    @property
    @abc.abstractmethod
    def zero_share(self) -> float:
        """Share of the window that represents zero where one device holds both signs."""

    @property
    @abc.abstractmethod
    def product_step(self) -> float:
        """Smallest step between two outputs of an ideal array, in shares; 0 if there is none."""

    @property
    def sums_exactly(self) -> bool:
        """True where the accumulator keeps every product."""
        return True

    @abc.abstractmethod
    def slices(self, sign_bits: int) -> tuple[float, ...]:
        """Return the significance of each slice: share = sum_k significance_k share_k."""

    @abc.abstractmethod
    def slice_digits(self, shares: Tensor, sign_bits: int) -> Tensor:
        """Cut shares `(arrays, ...)` in [0, 1] into shares of cells `(slices * arrays, ...)`.

        The slices are the outer dimension.
        """

    @abc.abstractmethod
    def streams(self, u: Tensor, *, both_signs: bool = False) -> Iterator[tuple[float, Tensor]]:
        """Yield (significance, word-line voltages in shares of the read voltage) of each read.

        `u`: inputs in [-1, 1]; `both_signs`: also read a sign that no input has, at zero volts.
        """

    @abc.abstractmethod
    def accumulate(self, y: Tensor) -> Tensor:
        """Round a complete sum of products to what the digital accumulator keeps."""

    def round_inputs(self, u: Tensor) -> Tensor:
        """Round inputs to the values that all reads together represent."""
        return cast(Tensor, sum(significance * share for significance, share in self.streams(u)))

    def combine_digits(self, outputs: Tensor, sign_bits: int) -> Tensor:
        """Shift and add the outputs of cells: `(slices * arrays, ...)` -> `(arrays, ...)`."""
        significances = self.slices(sign_bits)
        if len(significances) == 1 and significances[0] == 1.0:
            return outputs
        weights = outputs.new_tensor(significances)
        return torch.tensordot(weights, outputs.unflatten(0, (len(significances), -1)), dims=1)


class AbstractOneRead(AbstractSlicing):
    """Analog cells, and one read for a whole input."""

    gradient: ClassVar[Literal["exact", "straight-through"]] = "exact"
    analog: ClassVar[bool] = True

    @property
    def zero_share(self) -> float:
        return 0.5

    @property
    def product_step(self) -> float:
        return 0.0

    def streams(self, u: Tensor, *, both_signs: bool = False) -> Iterator[tuple[float, Tensor]]:
        """Yield the inputs themselves: negative inputs are negative voltages."""
        yield 1.0, u

    def accumulate(self, y: Tensor) -> Tensor:
        return y


@final
@dataclass(frozen=True)
class NoSlicing(AbstractOneRead):
    """One analog cell for a weight, one read for an input.

    >>> NoSlicing().slices(1), [s for s, _ in NoSlicing().streams(torch.zeros(2))]
    ((1.0,), [1.0])
    """

    def slices(self, sign_bits: int) -> tuple[float, ...]:
        return (1.0,)

    def slice_digits(self, shares: Tensor, sign_bits: int) -> Tensor:
        return shares


@final
@dataclass(frozen=True)
class BitSlicing(AbstractSlicing):
    """Fixed-point weights over cells of `cell_bits`, inputs in streams of `stream_bits`.

    A weight is q / (2^(weight_bits-1) - 1) of the layer's w_max, q a whole number. A pair of arrays
    gives its sign, so that its magnitude takes weight_bits - 1 bits (weight_bits where one device
    holds both signs), cut into digits of base 2^cell_bits, one cell each. An input is cut likewise,
    into reads of 2^stream_bits voltages; negative inputs take a second pass that is subtracted.
    Digitised partial products are shifted and added. `accumulator_bits`: width of the sum, sign
    included, saturating; 0 is as wide as needed. The sum is a whole number of smallest products,
    the nearest. `accumulator_drops`: lowest bits of it that are dropped, toward zero.

    Gradients pass straight through the digits: each slice and each stream follows its number with
    an equal slope.

    >>> slicing = BitSlicing(weight_bits=5, cell_bits=2, input_bits=5, stream_bits=2)
    >>> shares = torch.tensor([[14 / 15]])  # 14 = 3 * 4 + 2
    >>> slicing.slice_digits(shares, 1).mul(3).flatten().tolist()
    [2.0, 3.0]
    >>> [round(15 * s / 3) for s in slicing.slices(1)]
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
        for name, digit_name in (("weight_bits", "cell_bits"), ("input_bits", "stream_bits")):
            bits, digit_bits = getattr(self, name), getattr(self, digit_name)
            require_integer(name, bits, at_least=2)
            require_integer(digit_name, digit_bits, at_least=1)
            if bits > _MAX_BITS:
                raise ValueError(
                    f"`{name}` must be at most {_MAX_BITS}, got {bits}; float32 holds no more"
                )
            if digit_bits > _MAX_DIGIT_BITS:
                raise ValueError(
                    f"`{digit_name}` must be at most {_MAX_DIGIT_BITS}, got {digit_bits}; "
                    "no device has more levels"
                )
        require_integer("accumulator_bits", self.accumulator_bits, at_least=0)
        require_integer("accumulator_drops", self.accumulator_drops, at_least=0)

    @property
    def sums_exactly(self) -> bool:
        return not self.accumulator_bits and not self.accumulator_drops

    @property
    def zero_share(self) -> float:
        """The code 2^(b-1) of 2^b - 1."""
        return 2 ** (self.weight_bits - 1) / (2**self.weight_bits - 1)

    @property
    def product_step(self) -> float:
        return 1 / ((2**self.cell_bits - 1) * (2**self.stream_bits - 1))

    def slices(self, sign_bits: int) -> tuple[float, ...]:
        return _significances(self.weight_bits - sign_bits, self.cell_bits)

    def slice_digits(self, shares: Tensor, sign_bits: int) -> Tensor:
        digits = _digits(shares, self.weight_bits - sign_bits, self.cell_bits)
        return torch.stack(digits).flatten(0, 1)

    def streams(self, u: Tensor, *, both_signs: bool = False) -> Iterator[tuple[float, Tensor]]:
        bits = self.input_bits - 1
        significances = _significances(bits, self.stream_bits)
        positive = u >= 0
        for sign, of_sign in ((1.0, positive), (-1.0, ~positive)):
            if sign < 0 and not both_signs and not bool(concrete(of_sign).any()):
                continue  # no negative input: the second pass would read zero volts
            magnitudes = (sign * u).where(of_sign, 0)
            digits = _digits(magnitudes, bits, self.stream_bits)
            for significance, digit in zip(significances, digits, strict=True):
                yield sign * significance, digit

    def accumulate(self, y: Tensor) -> Tensor:
        if self.sums_exactly:
            return y
        product = 1 / ((2 ** (self.weight_bits - 1) - 1) * (2 ** (self.input_bits - 1) - 1))
        largest = 2.0 ** (self.accumulator_bits - 1) - 1 if self.accumulator_bits else torch.inf
        # A sum of whole products is one, however its terms were added up: its rounding error is
        # bounded by their number times that of the largest partial sum, and undone to the nearest
        # product before bits are dropped. More would make another whole number of it.
        values = y.detach().double()
        steps = (values / product).round_().div_(2.0**self.accumulator_drops).trunc_()
        step = product * 2.0**self.accumulator_drops
        kept = (steps.clamp(-largest, largest) * step).to(y.dtype)
        if not needs_derivative(y):
            return kept
        return value_with_gradient_of(kept, y.where(steps.abs() <= largest, 0))


def _significances(bits: int, digit_bits: int) -> tuple[float, ...]:
    count, base_less_one = -(-bits // digit_bits), 2**digit_bits - 1
    return tuple(base_less_one * 2 ** (digit_bits * k) / (2**bits - 1) for k in range(count))


def _digits(shares: Tensor, bits: int, digit_bits: int) -> list[Tensor]:
    """Digits of round(share (2^bits - 1)) in shares of the largest digit, lowest first."""
    count, largest = -(-bits // digit_bits), 2**digit_bits - 1
    values = shares.detach()
    codes = (values.double() * (2**bits - 1) + 0.5).floor_().to(torch.int32)
    wide = torch.promote_types(shares.dtype, torch.float32)  # holds every digit exactly
    digits = [
        ((codes >> digit_bits * k) & largest).to(wide).div_(largest).to(shares.dtype)
        for k in range(count)
    ]
    if not bool(concrete(shares).sum().isfinite()):  # whole numbers do not hold NaN: put it back
        digits = [digit + 0 * values for digit in digits]
    if not needs_derivative(shares):
        return digits
    slope = 1 / sum(_significances(bits, digit_bits))
    return [value_with_gradient_of(digit, shares * slope) for digit in digits]
