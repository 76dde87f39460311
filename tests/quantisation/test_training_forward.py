"""The retraining of QUANOS: its configuration, and the software network that it ends with."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.quantisation import QuantisedForward
from wordline.training import OneCycle, Recipe, read_card

BITS = (("conv1", 8), ("conv2", 2), ("fc1", 2), ("fc2", 8))


def test_training_on_it_wins_accuracy_back_and_leaves_a_software_network(tmp_path: Path) -> None:
    data, software = wl.load_dataset("digits"), wl.load_model("digits-cnn")
    recipe = replace(
        Recipe.preset("digits"),
        epochs=3,
        schedule=OneCycle(peak_lr=0.02),
        forward=QuantisedForward(BITS),
        validation=0.1,
    )
    card = wl.training.train(
        "digits-cnn", data, recipe, tmp_path, initial=software, name="few-bits"
    )
    assert (
        read_card(tmp_path / "few-bits.json").recipe.forward
        == QuantisedForward(BITS)
        == card.recipe.forward
    )
    retrained = wl.load_model(tmp_path / "few-bits.safetensors")
    assert set(retrained.state_dict()) == set(software.state_dict())
    test, images, bits = data.test.take(300), data.train.take(200), dict(BITS)
    before, after = (
        wl.models.accuracy(
            wl.quantise(network, bits, activation_bits=bits, calibration=images), test
        )
        for network in (software, retrained)
    )
    assert after > before + 0.2 and after > 0.8


def test_it_is_a_value_and_draws_nothing(no_global_draws: None) -> None:
    forward = QuantisedForward(BITS, activations=False, percent=99.0)
    assert QuantisedForward.from_json(forward.to_json()) == forward
    with torch.random.fork_rng(devices=[]):
        model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    network = QuantisedForward((("2", 4),)).wrap(model)
    QuantisedForward((("2", 4),)).on_step(network, 7)
    assert (
        isinstance(network[0], nn.Linear) and network[2].bits == 4 and network[2].inputs.bits == 4
    )
    assert isinstance(
        QuantisedForward((("2", 4),), activations=False).wrap(model)[2].inputs, nn.Identity
    )
    assert {id(p) for p in network.parameters()} == {id(p) for p in model.parameters()}
    assert torch.equal(network[0](torch.ones(3)), model[0](torch.ones(3)))


def test_mistakes_are_answered_in_words() -> None:
    for make, kind, message in (
        (lambda: QuantisedForward([("a", 4)]), TypeError, "`layers` must be tuple"),
        (lambda: QuantisedForward(()), ValueError, "`layers` must hold at least one"),
        (lambda: QuantisedForward((("a", 1),)), ValueError, "`layers` must be at least 2, got 1"),
        (lambda: QuantisedForward(((3, 4),)), TypeError, "`layers` must be str"),
        (
            lambda: QuantisedForward((("a", 4),), activations=1),
            TypeError,
            "`activations` must be bool",
        ),
        (
            lambda: QuantisedForward((("a", 4),), percent=0),
            ValueError,
            "`percent` must be greater than 0",
        ),
        (
            lambda: QuantisedForward((("a", 4),)).wrap(nn.Linear(2, 2)),
            ValueError,
            "pattern 'a' matches no layer",
        ),
    ):
        with pytest.raises(kind, match=message):
            make()
