"""The points of the picture of gains as JSON, numbers in percent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ...records.gain_verdict import Interval
from ...records.record import Record
from ..advantages import AdvantagePoint, advantage_points, factor_curves
from ..fields import format_field

DESIGN_FIELDS: Final = ("setting", "tile", "gain", "attack", "loss", "model", "data")


def advantages_data(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return the data of every point; `twinOf` and `curve` are numbers of points and curves."""
    points = advantage_points(records)
    curves = {
        id(point): number
        for number, curve in enumerate(factor_curves(points))
        for point in curve
    }
    return [
        {**_point(point), "number": number, "twinOf": point.twin_of, "curve": curves.get(id(point))}
        for number, point in enumerate(points)
    ]


def interval_in_percent(share: Interval) -> list[float]:
    """Write value and ends of an interval in percent, to four decimals."""
    return [round(100 * part, 4) for part in (share.value, share.low, share.high)]


def _point(point: AdvantagePoint) -> dict[str, Any]:
    """`bar` spans the interval of the gain about the height of the point."""
    gain, lost = point.gain.gain, point.gain.clean_loss.value
    fields = {name: format_field(point.record, name) for name in (*DESIGN_FIELDS, "eps")}
    return {
        **fields, "panel": point.panel, "kind": point.kind, "name": point.name,
        "words": point.attack, "factor": point.factor, "images": point.record.images,
        "lost": interval_in_percent(point.gain.clean_loss),
        "advantage": interval_in_percent(point.gain.advantage),
        "gained": interval_in_percent(gain), "verdict": point.gain.verdict,
        "bar": [round(100 * (lost + end), 4) for end in (gain.low, gain.high)],
    }  # fmt: skip
