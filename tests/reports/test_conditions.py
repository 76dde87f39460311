"""Conditions leave out what a chip's seed decides, and nothing else."""

import dataclasses

from tests.reports.examples import SOFTWARE, chip, record, twin
from torch import nn

import wordline as wl
from wordline.evaluation import identify
from wordline.reports.conditions import conditions, curve_key, flatten, groups_of_chips


def test_chips_of_one_design_share_their_conditions() -> None:
    zero, one = record(chip(0)), record(chip(1))
    assert conditions(zero) == conditions(one)
    assert conditions(zero) != conditions(record(chip(0, tile=32)))
    assert conditions(zero) != conditions(record(chip(0), eps=0.2))
    assert curve_key(zero) == curve_key(record(chip(1), eps=0.2))
    assert curve_key(zero) != curve_key(record(chip(1), SOFTWARE, eps=0.2))


def test_chips_as_they_are_mapped_share_their_conditions() -> None:
    """Not written by hand: a chip's own structure holds the seeds of its layers."""
    software, crossbar = nn.Linear(4, 2).eval(), wl.Crossbar.preset("rethinking-16")
    zero, one = (identify(wl.map_model(software, crossbar, seed=seed)) for seed in (0, 1))
    assert zero.weights != one.weights and zero.structure != one.structure
    assert conditions(record(zero)) == conditions(record(one))
    other = identify(wl.map_model(software, wl.Crossbar.preset("rethinking-32")))
    assert conditions(record(zero)) != conditions(record(other))


def test_software_of_other_weights_is_another_network() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    assert conditions(record()) != conditions(record(other))


def test_chips_are_grouped_and_a_seed_that_comes_twice_begins_a_group() -> None:
    twice = record(chip(0, weights="another"))
    groups = groups_of_chips([record(chip(0)), record(chip(1)), twice, record(eps=0.2)])
    assert [len(group) for group in groups] == [2, 1, 1] and groups[1] == [twice]


def test_leaves_of_nested_data() -> None:
    plain = {"a": [{"b": 2}], "tile": [1, 2], "c": {"seed": 1, "d": []}}
    assert dict(flatten(plain, "x", without=("seed",))) == {
        "x.a.0.b": 2, "x.tile": (1, 2), "x.c.d": (),
    }  # fmt: skip


def test_twins_of_chips_of_one_design_are_a_group() -> None:
    records = [record(twin(0)), record(twin(1)), record(chip(0)), record(twin(0, per="column"))]
    groups = groups_of_chips([*records, record(twin(2, tile=32)), record(twin(2))])
    assert [len(group) for group in groups] == [3, 1, 1, 1]
    assert groups[0] == [records[0], records[1], record(twin(2))]
    software = nn.Sequential(nn.Linear(4, 2)).eval()
    crossbar = wl.Crossbar.preset("rethinking-16")
    made = [
        identify(wl.attenuated(software=software, chip=wl.map_model(software, crossbar, seed=n)))
        for n in (0, 1)
    ]
    assert made[0].weights != made[1].weights
    assert conditions(record(made[0])) == conditions(record(made[1]))
