"""Fields are read off typed results, in words."""

import dataclasses
import math

import pytest
from tests.reports.examples import SOFTWARE, audit, chip, record, scaled, stability, twin

import wordline as wl
from wordline.records import Estimate, describe
from wordline.records.record import NetworkIdentity
from wordline.reports.fields import (
    FIELDS,
    describe_design,
    epsilon,
    format_field,
    format_value,
    network_of,
)


def test_settings_are_the_records_own() -> None:
    other = dataclasses.replace(SOFTWARE, weights="9" * 16)
    pairs = [
        (SOFTWARE, SOFTWARE), (chip(), SOFTWARE), (chip(), chip()), (chip(), chip(1)),
        (SOFTWARE, chip()), (SOFTWARE, other),
        (chip(), NetworkIdentity("Net", "1", gradient="of Net")),
    ]  # fmt: skip
    records = [record(victim, source) for victim, source in pairs]
    assert [format_field(r, "setting") for r in records] == [r.setting for r in records]
    assert len({r.setting for r in records}) == 7


def test_fields_of_a_record() -> None:
    one = record(chip(3), SOFTWARE, attack=wl.PGD(eps=8 / 255, steps=7))
    words = {
        "tile": "16x16", "gain": "UnitGain", "attack": "PGD", "eps": "8/255", "loss": "margin",
        "steps": "7", "model": "Net", "data": "digits", "seed": "3",
        "victim": "16x16 UnitGain #3", "r_on": "20000", "r_off": "200000", "levels": "0",
        "adc_bits": "-", "weight_bits": "-", "row_ohm": "5", "nonidealities": "GaussianVariation",
    }  # fmt: skip
    assert {name: format_field(one, name) for name in words} == words
    in_software = {name: format_field(record(), name) for name in ("tile", "gain", "r_on")}
    assert in_software == {"tile": "software", "gain": "-", "r_on": "-"}


def test_fields_of_other_results() -> None:
    assert format_field(stability(), "tile") == "16x16" and format_field(stability(), "eps") == "-"
    assert format_field(stability(), "setting") == "-" and math.isnan(epsilon(stability()))
    assert epsilon(audit(chip(), eps=0.2)) == 0.2 and network_of(audit(chip(1))) == chip(1)
    assert {format_field(Estimate(0.5, 0.4, 0.6), name) for name in FIELDS} == {
        "-", "software", "0",
    }  # fmt: skip


def test_values_in_a_word() -> None:
    assert format_value([]) == "-" and format_value([1, 2]) == "1x2" and format_value("") == "-"
    assert format_value(wl.UnitGain()) == "UnitGain" and format_value(1 / 3) == "0.333333"
    assert describe_design(SOFTWARE) == "software"


@pytest.mark.parametrize("bits", [5, 8])
def test_bits_of_a_converter(bits: int) -> None:
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("rethinking-16"),
        adc=wl.UniformConverter(bits=bits, range=wl.FullScale()),
    )
    made = record(dataclasses.replace(chip(), crossbar=crossbar))
    assert format_field(made, "adc_bits") == str(bits)


def test_software_that_stands_in_for_a_chip_is_told_from_the_rest() -> None:
    victims = (SOFTWARE, chip(3), twin(3), twin(3, per="column"), scaled(0.96), scaled(0.9))
    records = [record(victim) for victim in victims]
    assert [format_field(r, "tile") for r in records] == [
        "software", "16x16", "twin of 16x16", "twin per column of 16x16", "software x 0.96",
        "software x 0.9",
    ]  # fmt: skip
    assert [format_field(r, "gain") for r in records] == ["-", *["UnitGain"] * 3, "-", "-"]
    assert [format_field(r, "seed") for r in records] == ["0", "3", "3", "3", "0", "0"]
    assert [format_field(r, "row_ohm") for r in records] == ["-", "5", "5", "5", "-", "-"]
    assert describe_design(twin(3)) == "twin of 16x16 UnitGain #3"
    assert describe_design(scaled(0.96)) == "software x 0.96"
    words = [describe(victim) for victim in victims]
    assert words[2] == "Net, twin of chip 16x16 UnitGain #3"
    assert words[4] == "Net, weights x 0.96" and len(set(words)) == len(victims)
