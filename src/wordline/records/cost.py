"""The cost of a study in passes and multiplications."""

from __future__ import annotations

from dataclasses import dataclass

from ..text import render_table
from ..values import Value, require_number


@dataclass(frozen=True)
class Cost(Value):
    """Counts of a study: cells, chips to be mapped, passes of one image, and multiplications.

    Backward passes are with respect to images alone, so each costs as many multiplications as a
    forward pass. Images crafted on software are counted once, for they serve every chip.
    """

    cells: int
    chips: int
    forward: int
    backward: int
    macs: float

    def hours(self, flops: float) -> float:
        """Return hours at a sustained rate of operations per second, two per multiplication.

        >>> Cost(1, 1, 1, 1, macs=1.8e15).hours(1e12)
        1.0
        """
        require_number("flops", flops, above=0.0)
        return 2 * self.macs / flops / 3600

    def __str__(self) -> str:
        rows = [
            ("cells", f"{self.cells}"),
            ("chips", f"{self.chips}"),
            ("forward passes", f"{self.forward:.4g}"),
            ("backward passes", f"{self.backward:.4g}"),
            ("multiplications", f"{self.macs:.4g}"),
            ("hours at 1 Tflop/s", f"{self.hours(1e12):.4g}"),
            ("hours at 10 Tflop/s", f"{self.hours(1e13):.4g}"),
        ]
        return render_table(("counted", ""), rows)
