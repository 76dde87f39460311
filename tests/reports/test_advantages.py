"""Points of the picture of gains: their places, and what is joined to what."""

from dataclasses import replace

import pytest
from tests.reports.examples import SOFTWARE, answered, gains_and_twins, record, scaled

from wordline.records import pooled_gain
from wordline.reports.advantages import advantage_points, factor_curves


def test_a_point_is_one_victim_under_one_attack() -> None:
    records = gains_and_twins()
    points = advantage_points(records)
    assert [point.record for point in points] == records[1:]
    assert [p.kind for p in points] == ["chip", "chip", "twin", "twin", "scaled"] * 2
    assert [p.panel for p in points] == ["white-box"] * 5 + ["transferred"] * 5
    assert [p.twin_of for p in points] == [-1, -1, 0, 1, -1, -1, -1, 5, 6, -1]
    first = points[0]
    assert first.gain == pooled_gain([records[1]], records[0])
    found = first.gain.clean_loss.value, first.gain.advantage.value, first.gain.gain.value
    assert found == pytest.approx((0.2, 0.4, 0.2))
    assert first.name == "Net 16x16 UnitGain #0, row 5 ohm, col 10 ohm"
    assert points[2].name.startswith("Net twin of 16x16 UnitGain #0")


def test_a_curve_is_one_sweep_in_order_of_the_factor() -> None:
    more = answered(record(scaled(0.8)), "1" * 10, "0" * 10)
    points = advantage_points([*gains_and_twins(), more])
    white, moved = factor_curves(points)
    assert [point.factor for point in white] == [0.8, 0.9] and len(moved) == 1
    assert points[0].factor == 1.0


def test_networks_have_curves_of_their_own() -> None:
    other = replace(SOFTWARE, weights="1" * 16)
    victim = scaled(0.8)
    victim = replace(victim, origin=replace(victim.origin, software=other))
    theirs = [
        answered(record(other), "1" * 10, "1" * 10), answered(record(victim), "1" * 10, "0" * 10),
    ]  # fmt: skip
    assert len(factor_curves(advantage_points([*gains_and_twins(), *theirs]))) == 3
