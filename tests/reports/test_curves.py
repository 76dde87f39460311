"""Curves share all conditions but epsilon, and a point is the chips of one design."""

import dataclasses

from tests.reports.examples import SOFTWARE, chip, record, two_chips

import wordline as wl
from wordline.reports.curves import curves_of


def test_points_are_in_order_and_hold_all_chips() -> None:
    software, transferred = curves_of([record(eps=0.2), *two_chips()])
    assert [(point.eps, len(point.records)) for point in software.points] == [(0.1, 1), (0.2, 1)]
    assert [(point.eps, len(point.records)) for point in transferred.points] == [(0.1, 2)]
    assert transferred.first == two_chips()[1]


def test_other_networks_and_attacks_are_other_curves() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    pgd = wl.PGD(eps=0.1, steps=3)
    assert len(curves_of([record(), record(other), record(attack=pgd)])) == 3
    more_steps = record(attack=dataclasses.replace(pgd, eps=0.2, steps=6))
    assert len(curves_of([record(attack=pgd), more_steps])) == 1  # steps grow with epsilon


def test_a_chip_that_comes_twice_is_a_curve_of_its_own() -> None:
    twice = [record(chip(0)), record(chip(0, weights="another"))]
    assert [len(curve.points) for curve in curves_of(twice)] == [1, 1]
