"""Accuracy against epsilon: results as curves, a point the chips of one design at one epsilon."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..records.record import Record
from .conditions import conditions, curve_key, groups_of_chips
from .fields import epsilon


class Point(NamedTuple):
    """The chips of one design at one epsilon."""

    eps: float
    records: list[Record]


class Curve(NamedTuple):
    """Points that share all conditions but epsilon, in its order; `first` is a record of them."""

    first: Record
    points: list[Point]


def curves_of(records: Sequence[Record]) -> list[Curve]:
    """Arrange all records of attacks that have an epsilon; others are left out."""
    curves: dict[tuple[str, int], Curve] = {}
    seen: Counter[str] = Counter()
    for group in groups_of_chips(records):
        eps = epsilon(group[0])
        if math.isnan(eps):
            continue
        design = repr(conditions(group[0]))
        key = curve_key(group[0]), seen[design]
        seen[design] += 1
        curves.setdefault(key, Curve(group[0], [])).points.append(Point(eps, group))
    for curve in curves.values():
        curve.points.sort(key=lambda point: point.eps)
    return list(curves.values())
