"""A measurement: one number of one result, which becomes part of one entry of a table."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..records.record import Estimate
from ..values import Value
from .fields import LAYER, MISSING, format_field


class Measurement(NamedTuple):
    """A number with its interval, the result it was read off, and the layer if it is of one."""

    result: Value
    estimate: Estimate
    layer: str = ""

    def format_field(self, name: str) -> str:
        """Write a field of the result, or the layer."""
        if name == LAYER:
            return self.layer or MISSING
        return format_field(self.result, name)


def certain(value: float) -> Estimate:
    """Return an estimate without an interval."""
    return Estimate(value, math.nan, math.nan)
