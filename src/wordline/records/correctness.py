"""What a network answered to each of many images: right or wrong, kept so that answers of two records can be paired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..values import Value, require_instance, require_integer

_BITS = 4  # of a hex digit


@dataclass(frozen=True)
class Correctness(Value):
    """Right or wrong, image by image: `digits` in hex, four images a digit, the first image in the highest bit.

    Two records of the same images can then be compared image by image, which a share cannot: the gain of a chip over
    software with its paired interval, and the accuracy under the worst of several attacks. None (`count` 0) are kept
    where there is no single answer, as over draws of a stochastic chip that disagree.

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
        if len(self.digits) != -(-self.count // _BITS) or not set(self.digits) <= set("0123456789abcdef"):
            raise ValueError(
                f"`digits` must be {-(-self.count // _BITS)} hex digits for {self.count} images, got {self.digits!r}"
            )

    @classmethod
    def of(cls, right: Iterable[bool]) -> Correctness:
        """From one truth value an image."""
        bits = "".join("1" if hit else "0" for hit in right)
        padded = bits + "0" * (-len(bits) % _BITS)
        return cls(len(bits), f"{int(padded, 2):0{len(padded) // _BITS}x}" if bits else "")

    def __iter__(self) -> Iterator[bool]:
        return iter(bit == "1" for bit in "".join(f"{int(digit, 16):04b}" for digit in self.digits)[: self.count])

    def __len__(self) -> int:
        return self.count
