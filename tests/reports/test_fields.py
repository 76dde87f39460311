"""The words of a record are those of `Record` itself, and conditions leave out what a chip's seed decides."""

import dataclasses
import math

import pytest
from tests.reports.made import SOFTWARE, chip, record
from torch import nn

import wordline as wl
from wordline.evaluation import identify
from wordline.records.record import NetworkIdentity
from wordline.reports.fields import at, conditions, curve, estimate, text, word
from wordline.values import encode


def test_settings_are_the_records_own() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    pairs = [
        (SOFTWARE, SOFTWARE), (chip(), SOFTWARE), (chip(), chip()), (chip(), chip(1)), (SOFTWARE, chip()),
        (SOFTWARE, other), (chip(), NetworkIdentity("Net", "1", gradient="of Net")),
    ]  # fmt: skip
    made = [record(victim, source) for victim, source in pairs]
    assert [word(encode(r), "setting") for r in made] == [r.setting for r in made]
    assert len({r.setting for r in made}) == 7


def test_words() -> None:
    plain = encode(record(chip(3), SOFTWARE, attack=wl.PGD(eps=8 / 255, steps=7)))
    names = ("tile", "gain", "attack", "eps", "loss", "steps", "model", "data", "seed", "victim")
    assert [word(plain, name) for name in names] == [
        "16x16", "UnitGain", "PGD", "8/255", "margin", "7", "Net", "digits", "3", "16x16 UnitGain #3",
    ]  # fmt: skip
    assert word(encode(record()), "tile") == "software" and word(encode(record()), "gain") == "-"
    assert word(plain, "victim.crossbar.device.r_on_ohm") == "20000"
    assert word(plain, "victim.crossbar.nonidealities.0") == "GaussianVariation"
    assert word(plain, "nowhere.at.all") == "-" and word({}, "setting") == "-" and word({}, "eps") == "-"


def test_numbers_at_paths() -> None:
    plain = {"a": [{"b": 2}], "c": {"value": 0.5, "low": 0.4, "high": 0.6}, "d": {"float": "inf"}}
    assert at(plain, "a.0.b") == 2 and at(plain, "a.7") is None
    assert estimate(plain, "c") == (0.5, 0.4, 0.6)
    assert estimate(plain, "d")[0] == math.inf
    assert estimate(plain, "a.0.b")[0] == 2.0 and math.isnan(estimate(plain, "a.0.b")[1])
    assert math.isnan(estimate(plain, "nothing")[0])
    assert at({"snr": 1000.0}, "snr.db") == pytest.approx(30.0)
    assert at({"snr": 0.0}, "snr.db") is None and estimate({"snr": {"float": "inf"}}, "snr.db")[0] == math.inf
    assert text([]) == "-" and text([1, 2]) == "1x2" and text({"type": "X"}) == "X"


def test_chips_of_one_design_share_their_conditions() -> None:
    zero, one = encode(record(chip(0))), encode(record(chip(1)))
    assert conditions(zero) == conditions(one)
    assert conditions(zero) != conditions(encode(record(chip(0, tile=32))))
    assert conditions(zero) != conditions(encode(record(chip(0), eps=0.2)))
    assert curve(zero) == curve(encode(record(chip(1), eps=0.2)))
    assert curve(zero) != curve(encode(record(chip(1), SOFTWARE, eps=0.2)))


def test_chips_as_they_are_mapped_share_their_conditions() -> None:
    """Not made by hand: a chip's own structure says the seeds of its layers."""
    software, crossbar = nn.Linear(4, 2).eval(), wl.Crossbar.preset("rethinking-16")
    zero, one = (identify(wl.map_model(software, crossbar, seed=seed)) for seed in (0, 1))
    assert zero.weights != one.weights and zero.structure != one.structure
    assert conditions(encode(record(zero))) == conditions(encode(record(one)))
    other = identify(wl.map_model(software, wl.Crossbar.preset("rethinking-32")))
    assert conditions(encode(record(zero))) != conditions(encode(record(other)))


def test_software_of_other_weights_is_another_network() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    assert conditions(encode(record())) != conditions(encode(record(other)))
