"""The naive attack: same answers, no gradient, and it loses to the adaptive one."""

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.defenses import without_gradient
from wordline.evaluation import identify
from wordline.quantisation import quantise


@pytest.fixture
def images(rng: torch.Generator) -> torch.Tensor:
    return torch.rand(10, 2, 6, 6, generator=rng)


def gradient(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    x = images.clone().requires_grad_()
    return torch.autograd.grad(model(x).square().sum(), x)[0]


def test_same_answers_no_gradient_and_the_original_keeps_its_own(
    tiny_cnn: nn.Module, images: torch.Tensor
) -> None:
    small = quantise(tiny_cnn, 4, activation_bits=4, calibration=images)
    crossbar = wl.Crossbar.preset("rethinking-16")
    both = wl.Discretised(small, 3)
    for model in (wl.Discretised(tiny_cnn, 3), small, both, wl.map_model(both, crossbar)):
        copied = without_gradient(model)
        assert torch.equal(copied(images), model(images))
        assert gradient(model, images).any() and not gradient(copied, images).any()
        assert (identify(model).gradient, identify(copied).gradient) == ("straight-through", "none")
        assert identify(copied).weights == identify(model).weights


def test_adaptive_beats_naive_on_a_quantised_network() -> None:
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits")
    small, _ = wl.quanos(software, data.train, limit=100)
    attack = wl.PGD(eps=0.15, steps=10, step_size=0.03)
    victim = {"victim": small, "attack": attack, "data": data.test, "limit": 100}
    adaptive, naive = (
        wl.evaluate(**victim, source=source) for source in (small, without_gradient(small))
    )
    assert naive.adversarial_accuracy > adaptive.adversarial_accuracy + 0.3
    assert adaptive.setting == "SW" and naive.setting == "transfer"


def test_a_network_that_rounds_nothing_is_refused(tiny_cnn: nn.Module) -> None:
    with pytest.raises(ValueError, match="`model` rounds neither pixels nor activations"):
        without_gradient(tiny_cnn)
    with pytest.raises(ValueError, match="`model` rounds neither pixels nor activations"):
        without_gradient(quantise(tiny_cnn, 4))
    with pytest.raises(TypeError, match="`model` must be Module"):
        without_gradient(4)
