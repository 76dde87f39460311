"""Identities of networks, and names that stored results were written under."""

import json

import pytest
from torch import nn

import wordline as wl
from wordline.evaluation.identify import identify
from wordline.records import AsTrained, Attenuated, Correctness, NetworkIdentity, Scaled
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


SOFTWARE = NetworkIdentity("Net", "0" * 16)
CHIP = NetworkIdentity("Net", "1" * 16, wl.Crossbar.preset("rethinking-16"), 3)


def test_a_twin_names_its_chip() -> None:
    twin = NetworkIdentity("Net", "2" * 16, origin=Attenuated(SOFTWARE, CHIP))
    assert twin.is_twin and not twin.is_chip and twin.chip == CHIP
    assert NetworkIdentity.from_json(twin.to_json()) == twin
    assert SOFTWARE.chip == SOFTWARE and CHIP.chip == CHIP and not CHIP.is_twin


def test_an_origin_leaves_the_keys_of_other_networks_as_they_were() -> None:
    assert "origin" not in SOFTWARE.identity() and SOFTWARE.origin == AsTrained()
    before = json.loads(SOFTWARE.to_json())
    del before["origin"]
    assert NetworkIdentity.from_json(json.dumps(before)) == SOFTWARE


def test_a_network_carries_its_origin() -> None:
    network = nn.Linear(2, 2)
    assert identify(network).origin == AsTrained()
    network.origin = Scaled(SOFTWARE, 0.96)  # type: ignore[assignment]
    assert identify(network).origin == Scaled(SOFTWARE, 0.96)


def test_origins_are_checked() -> None:
    with pytest.raises(ValueError, match="`per` must be one of 'layer', 'column', 'network'"):
        Attenuated(SOFTWARE, CHIP, per="row")
    with pytest.raises(ValueError, match="`factor` must be at least 0"):
        Scaled(SOFTWARE, -1.0)
