"""A count of conversions."""

from __future__ import annotations

import math

import torch


class Tally:
    """Conversions that an ADC made since its layer was programmed, and how many saturated."""

    def __init__(self, conversions: int = 0, saturated: int = 0) -> None:
        self.conversions, self.saturated = conversions, saturated

    @property
    def saturation(self) -> float:
        """Share of conversions that were out of range; NaN before the first."""
        return self.saturated / self.conversions if self.conversions else math.nan

    def add(self, conversions: int, saturated: int) -> None:
        """Count one more read, unless it is an earlier one computed again for a gradient."""
        if torch._C._current_graph_task_id() != -1:
            return
        self.conversions += conversions
        self.saturated += saturated
