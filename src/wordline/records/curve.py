"""Accuracy of a victim at growing radii of an attack."""

from __future__ import annotations

from dataclasses import dataclass

from ..values import Value
from .record import Record, table


@dataclass(frozen=True)
class RobustnessCurve(Value):
    """Records at growing radii; `chance` is the share of the commonest label.

    `reports.accuracy_curves` draws it.
    """

    records: tuple[Record, ...]
    chance: float

    @property
    def eps(self) -> tuple[float, ...]:
        """The radii, the clean images first."""
        return (0.0, *[record.attack.eps for record in self.records])  # type: ignore[attr-defined]

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Accuracy at each radius."""
        attacked = [record.adversarial_accuracy for record in self.records]
        return (self.records[0].clean_accuracy, *attacked)

    @property
    def reaches_chance(self) -> bool:
        """True if the attack brings the victim down to guessing; if not, distrust the attack."""
        return self.accuracy[-1] <= self.chance

    def __str__(self) -> str:
        missed = "NOT reached: the attack fails, or the grid ends too early"
        end = "reached" if self.reaches_chance else missed
        return f"{table(self.records)}\nchance ({100 * self.chance:.1f} %) {end}"
