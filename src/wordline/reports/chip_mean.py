"""The one statistic of reports: the mean of a number over chips of one design."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..records.record import Estimate


@dataclass(frozen=True)
class ChipMean:
    """A mean over chips with its interval and deviation.

    `low`, `high`: the 95 % interval over images, the mean of the chips' own (they answer to the
    same images, so more chips make it no narrower); `spread`: sample standard deviation over
    chips, NaN for one.
    """

    value: float
    low: float
    high: float
    spread: float
    chips: int


def mean_over_chips(estimates: Sequence[Estimate], scale: float = 100.0) -> ChipMean:
    """Average the estimates of one or several chips, each times `scale`.

    >>> mean_over_chips([Estimate(0.25, 0.0, 0.5), Estimate(0.5, 0.25, 0.75)]).value
    37.5
    """
    values = [scale * estimate.value for estimate in estimates]
    low = statistics.fmean(scale * estimate.low for estimate in estimates)
    high = statistics.fmean(scale * estimate.high for estimate in estimates)
    return ChipMean(
        value=statistics.fmean(values),
        low=min(low, high),
        high=max(low, high),
        spread=statistics.stdev(values) if len(values) > 1 else math.nan,
        chips=len(values),
    )
