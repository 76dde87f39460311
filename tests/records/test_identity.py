"""Identities of networks, and names that stored results were written under."""

import json

import pytest

import wordline as wl
from wordline.records import Correctness, NetworkIdentity
from wordline.values import Value


@pytest.mark.parametrize(
    ("former", "value"),
    [("Party", NetworkIdentity("Net", "0" * 16)), ("Answers", Correctness.of([True, False]))],
)
def test_results_under_a_former_name_are_read(former: str, value: Value) -> None:
    old = json.dumps({**json.loads(value.to_json()), "type": former})
    assert type(value).from_json(old) == value
    assert type(Value.from_json(old)) is type(value)


def test_a_chip_is_known_by_its_crossbar() -> None:
    crossbar = wl.Crossbar.preset("rethinking-16")
    assert NetworkIdentity("Net", "0" * 16, crossbar).is_chip
    assert not NetworkIdentity("Net", "0" * 16).is_chip
