"""The four parasitic resistances of an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from ..values import Value, require_number


@dataclass(frozen=True, kw_only=True)
class Wires(Value):
    """Parasitic resistances of one array, in ohm; any of them may be zero.

        V_i --driver-- r(i,0) --row-- r(i,1) -- ... -- r(i,M-1)
        r(i,j) --1/G(i,j)-- c(i,j)
        c(0,j) --col-- c(1,j) -- ... -- c(N-1,j) --sense-- virtual ground

    `driver_ohm`: output resistance of a word-line driver; `row_ohm`, `col_ohm`: one wire segment
    between neighbouring cells of a word line or bit line; `sense_ohm`: input resistance of a
    bit-line sense amplifier. Each is named: raises `TypeError` for resistances by position, which
    do not say which is which.

    >>> Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
    Wires(driver_ohm=1000.0, row_ohm=5, col_ohm=10, sense_ohm=1000.0)
    """

    _named_as: ClassVar[str] = (
        "Wires(row_ohm=5, col_ohm=10), with driver_ohm= and sense_ohm= for the ends"
    )

    driver_ohm: float = 0.0
    row_ohm: float = 0.0
    col_ohm: float = 0.0
    sense_ohm: float = 0.0

    def __post_init__(self) -> None:
        for name in ("driver_ohm", "row_ohm", "col_ohm", "sense_ohm"):
            require_number(name, getattr(self, name), at_least=0.0)

    def scaled(self, factor: float) -> Wires:
        """Return wires whose four resistances are `factor` >= 0 times as large.

        A read is a ratio of resistances, so this is as good as devices of 1 / `factor` times the
        conductance.

        >>> Wires(driver_ohm=1e3, row_ohm=5.0).scaled(0.1)
        Wires(driver_ohm=100.0, row_ohm=0.5, col_ohm=0.0, sense_ohm=0.0)
        """
        require_number("factor", factor, at_least=0.0)
        ohms = self.driver_ohm, self.row_ohm, self.col_ohm, self.sense_ohm
        driver, row, col, sense = (factor * ohm for ohm in ohms)
        return Wires(driver_ohm=driver, row_ohm=row, col_ohm=col, sense_ohm=sense)

    @property
    def ideal(self) -> bool:
        """True when all four are zero: the array then multiplies by its conductances."""
        return self.driver_ohm == self.row_ohm == self.col_ohm == self.sense_ohm == 0


class Ohms(NamedTuple):
    """The resistances as compiled code takes them: four numbers of one type."""

    driver: Any
    row: Any
    col: Any
    sense: Any

    @classmethod
    def of(cls, wires: Wires, number: Callable[[float], Any] = float) -> Ohms:
        """Convert the resistances of `wires` to a type of number."""
        four = wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm
        return cls(*(number(ohm) for ohm in four))
