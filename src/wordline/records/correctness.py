"""Correctness of a network image by image, kept so that two records can be compared in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..values import Value, require_instance, require_integer

_BITS = 4  # of a hex digit


@dataclass(frozen=True)
class Correctness(Value):
    """Right or wrong for each image, packed: four images a hex digit, the first the highest bit.

    Two records of the same images can then be compared image by image, which a share does not
    allow: the gain of a chip over software with its paired interval, and the accuracy under the
    worst of several attacks. Nothing (`count` 0) is kept where there is no single answer, as over
    draws of a stochastic chip that disagree.

    >>> Correctness.of([True, False, False, True, True])
    Correctness(count=5, digits='98')
    >>> list(Correctness.of([True, False]))
    [True, False]
    """

    former_names: ClassVar[tuple[str, ...]] = ("Answers",)

    count: int = 0
    digits: str = ""

    def __post_init__(self) -> None:
        require_integer("count", self.count, at_least=0)
        require_instance("digits", self.digits, str)
        needed = -(-self.count // _BITS)
        if len(self.digits) != needed or not set(self.digits) <= set("0123456789abcdef"):
            raise ValueError(
                f"`digits` must be {needed} hex digits for {self.count} images, got {self.digits!r}"
            )

    @classmethod
    def of(cls, right: Iterable[bool]) -> Correctness:
        """Pack one truth value an image."""
        bits = "".join("1" if hit else "0" for hit in right)
        padded = bits + "0" * (-len(bits) % _BITS)
        return cls(len(bits), f"{int(padded, 2):0{len(padded) // _BITS}x}" if bits else "")

    def __iter__(self) -> Iterator[bool]:
        bits = "".join(f"{int(digit, 16):04b}" for digit in self.digits)
        return iter(bit == "1" for bit in bits[: self.count])

    def __len__(self) -> int:
        return self.count
