"""Adversarial noise sensitivity: against numpy, in closed form, without effect on the network."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.quantisation import adversarial_noise_sensitivity, quantise
from wordline.records import NoiseSensitivity

ATTACK = wl.FGSM(eps=0.05)


@pytest.fixture
def split(rng: torch.Generator) -> ImageSplit:
    return ImageSplit(torch.rand(25, 2, 6, 6, generator=rng), torch.arange(25) % 4, "noise")


def ratios(clean: torch.Tensor, attacked: torch.Tensor) -> float:
    a, b = (x.detach().double().numpy().reshape(len(x), -1) for x in (clean, attacked))
    return float(np.mean(np.sqrt(((b - a) ** 2).sum(1)) / np.sqrt((a**2).sum(1))))


def test_it_is_the_mean_ratio_of_norms(tiny_cnn: nn.Module, split: ImageSplit) -> None:
    found = adversarial_noise_sensitivity(tiny_cnn, split, ATTACK, batch_size=10)
    moved = torch.cat(
        [
            ATTACK(tiny_cnn, split.images[k : k + 10], split.labels[k : k + 10])
            for k in range(0, 25, 10)
        ]
    )
    expected = {
        "0": ratios(tiny_cnn[0](split.images), tiny_cnn[0](moved)),
        "5": ratios(tiny_cnn(split.images), tiny_cnn(moved)),
    }  # fmt: skip
    assert dict(found.layers) == pytest.approx(expected, rel=1e-5)
    assert (found.attack, found.data, found.images, found.batch_size) == (ATTACK, "noise", 25, 10)
    assert found.fingerprint == split.fingerprint()
    fewer = adversarial_noise_sensitivity(tiny_cnn, split, ATTACK, limit=5)
    assert fewer.images == 5 and fewer.layers != found.layers


def test_a_layer_used_twice_counts_all_its_outputs(rng: torch.Generator) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3, bias=False)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.layer(2 * self.layer(images.flatten(1)))

    model = Twice().eval()
    model.layer.weight.data = torch.eye(3) * 3
    split = ImageSplit(torch.full((1, 1, 1, 3), 0.5), torch.tensor([0]))
    ((name, value),) = adversarial_noise_sensitivity(
        model, split, wl.FGSM(eps=0.05, loss="cross-entropy")
    ).layers
    # outputs 3x and 18x: the ratio of both is that of x, of which every pixel moves by a tenth
    assert name == "layer" and value == pytest.approx(0.1, rel=1e-5)


def test_images_that_a_layer_answers_with_zeros_are_left_out() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    model[1].weight.data = torch.eye(2)
    images = torch.tensor([[[[0.0, 0.0]]], [[[0.5, 0.5]]]])
    found = adversarial_noise_sensitivity(model, ImageSplit(images, torch.tensor([0, 1])), ATTACK)
    assert found.layers[0][1] == pytest.approx(0.1, rel=1e-5)
    model[1].weight.data = torch.zeros(2, 2)
    assert (
        adversarial_noise_sensitivity(
            model, ImageSplit(images, torch.tensor([0, 1])), ATTACK
        ).layers[0][1]
        == 0
    )


def test_chips_and_quantised_networks_count_too(tiny_cnn: nn.Module, split: ImageSplit) -> None:
    plain = dict(adversarial_noise_sensitivity(tiny_cnn, split, ATTACK).layers)
    chip = wl.map_model(tiny_cnn, wl.Crossbar.preset("ideal"))
    on_chip = dict(adversarial_noise_sensitivity(chip, split, ATTACK).layers)
    assert {name.removeprefix("model."): value for name, value in on_chip.items()} == pytest.approx(
        plain, rel=1e-4
    )
    fine = quantise(tiny_cnn, 14, activation_bits=14, calibration=split, percent=100)
    assert dict(adversarial_noise_sensitivity(fine, split, ATTACK).layers) == pytest.approx(
        plain, rel=1e-2
    )


def test_the_model_is_left_as_it_was(
    tiny_cnn: nn.Module, split: ImageSplit, no_global_draws: None
) -> None:
    before = copy.deepcopy(tiny_cnn.state_dict())
    adversarial_noise_sensitivity(tiny_cnn, split, ATTACK)

    class Broken(nn.Sequential):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if self.calls == 2:  # the first pass is the attack's
                raise RuntimeError("out of order")
            return super().forward(x)

    broken = Broken(*tiny_cnn).eval()
    with pytest.raises(RuntimeError, match="out of order"):
        adversarial_noise_sensitivity(broken, split, ATTACK)
    assert not any(module._forward_hooks for module in tiny_cnn.modules())
    assert all(torch.equal(value, before[name]) for name, value in tiny_cnn.state_dict().items())
    assert all(parameter.grad is None for parameter in tiny_cnn.parameters())


def test_a_value_that_prints_and_goes_through_json(tiny_cnn: nn.Module, split: ImageSplit) -> None:
    found = adversarial_noise_sensitivity(tiny_cnn, split, ATTACK)
    assert NoiseSensitivity.from_json(found.to_json()) == found
    header, _, first, second = str(found).splitlines()
    assert header.split() == ["layer", "ANS"]
    assert [first.split()[0], second.split()[0]] == ["0", "5"]
    assert float(second.split()[1]) == pytest.approx(found.layers[1][1], abs=5e-4)


def test_mistakes_are_answered_in_words(tiny_cnn: nn.Module, split: ImageSplit) -> None:
    measure = adversarial_noise_sensitivity
    with pytest.raises(TypeError, match="`model` must be Module"):
        measure("net", split, ATTACK)
    with pytest.raises(TypeError, match="`data` must be ImageSplit"):
        measure(tiny_cnn, split.images, ATTACK)
    with pytest.raises(TypeError, match="`attack` must be AbstractAttack"):
        measure(tiny_cnn, split, "fgsm")
    with pytest.raises(ValueError, match="`limit` must be at least 0"):
        measure(tiny_cnn, split, ATTACK, limit=-1)
    with pytest.raises(ValueError, match="`model` is in training mode"):
        measure(copy.deepcopy(tiny_cnn).train(), split, ATTACK)
    with pytest.raises(ValueError, match="`model` has no linear or convolution layer"):
        measure(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(72)).eval(), split, ATTACK)

    class Idle(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[0](x).flatten(1)

    with pytest.raises(ValueError, match="layer '1' is reached by no image"):
        measure(Idle(nn.Conv2d(2, 4, 6), nn.Linear(2, 2)).eval(), split, ATTACK)
    with pytest.raises(ValueError, match="`layers` must hold at least one"):
        NoiseSensitivity((), ATTACK, "", "", 1)
    with pytest.raises(ValueError, match="`ANS of a` must be at least 0"):
        NoiseSensitivity((("a", -1.0),), ATTACK, "", "", 1)
