from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from wordline.datasets import load_dataset
from wordline.models import NetworkSpec, accuracy, load_model, packaged_models, save_weights
from wordline.models.spec import read_spec
from wordline.training import read_card


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The packaged digits network under another name."""
    card = read_card(packaged_models()["digits-cnn"].with_suffix(".json"))
    save_weights(load_model("digits-cnn"), tmp_path / "mine.safetensors")
    card.write(tmp_path / "mine.json")
    return tmp_path / "mine.safetensors"


def test_packaged_networks_have_cards_and_fit() -> None:
    assert "digits-cnn" in packaged_models()
    for name, path in packaged_models().items():
        card = read_card(path.with_suffix(".json"))
        model = load_model(name)
        side, channels = card.network.side, 1 if card.data == "digits" else 3
        assert not model.training
        assert model(torch.rand(1, channels, side, side)).shape == (1, card.network.classes)
    assert sum(path.stat().st_size for path in packaged_models().values()) < 10_000_000


def test_the_digits_network_scores_what_its_card_says() -> None:
    card = read_card(packaged_models()["digits-cnn"].with_suffix(".json"))
    test = load_dataset("digits").test
    assert test.fingerprint() == card.test_fingerprint and card.test_accuracy >= 0.97
    assert (
        abs(accuracy(load_model("digits-cnn"), test) - card.test_accuracy) <= 0.002
    )  # one image of 500


def test_a_file_with_its_card_loads(saved: Path) -> None:
    state = load_model(saved).state_dict()
    assert all(
        torch.equal(state[name], tensor)
        for name, tensor in load_model("digits-cnn").state_dict().items()
    )
    assert load_model(str(saved)).state_dict().keys() == state.keys()


def test_loading_draws_nothing(no_global_draws: None) -> None:
    load_model("digits-cnn")


def test_a_card_of_another_network(saved: Path) -> None:
    card = read_card(saved.with_suffix(".json"))
    dataclasses.replace(card, network=NetworkSpec("resnet10", 10, 32)).write(
        saved.with_suffix(".json")
    )
    with pytest.raises(
        ValueError, match="`weights` '.*mine.safetensors' does not fit the network: it lacks"
    ):
        load_model(saved)
    unknown = dataclasses.replace(card.network, architecture="resnet9")
    dataclasses.replace(card, network=unknown).write(saved.with_suffix(".json"))
    with pytest.raises(
        ValueError, match="`name` '.*' has a card of architecture 'resnet9', unknown here"
    ):
        load_model(saved)


def test_a_file_without_its_card(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    with pytest.raises(ValueError, match="`weights` needs its card"):
        load_model(saved)


def test_nan_weights(saved: Path) -> None:
    model = read_spec(saved.with_suffix(".json")).build()
    torch.nn.init.constant_(model.fc2.bias, torch.nan)
    save_weights(model, saved)
    with pytest.raises(ValueError, match="holds NaN or Inf in 'fc2.bias'"):
        load_model(saved)


@pytest.mark.parametrize("name", ["digits", "resnet10-cifar1", "none.safetensors", ""])
def test_unknown_networks(name: str) -> None:
    with pytest.raises(
        ValueError,
        match="`name` must be one of digits-cnn.*, or an existing .safetensors file, got",
    ):
        load_model(name)


def test_unknown_data() -> None:
    with pytest.raises(
        ValueError,
        match="`name` must be one of digits, cifar10, cifar100, tiny-imagenet, got 'mnist'",
    ):
        load_dataset("mnist")
    with pytest.raises(ValueError, match="`root` is not used by the embedded 'digits'"):
        load_dataset("digits", "here")
