"""Training through the rounding: shared tensors, and a network that is better at few bits."""

import copy

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import to_float
from wordline.quantisation import quantise
from wordline.quantisation.shared_parameter_copy import shared_parameter_copy


def test_parameters_and_buffers_are_the_same_tensors(
    tiny_cnn: nn.Module, rng: torch.Generator
) -> None:
    names = set(tiny_cnn.state_dict())
    twin = shared_parameter_copy(tiny_cnn, {"0": 4, "5": 3}, activations=True, percent=100).train()
    assert {id(p) for p in twin.parameters()} == {id(p) for p in tiny_cnn.parameters()}
    assert {id(b) for b in twin.buffers()} == {id(b) for b in tiny_cnn.buffers()}
    images = torch.rand(20, 2, 6, 6, generator=rng)
    before = tiny_cnn[1].running_mean.clone()
    twin(images).square().sum().backward()
    assert all(parameter.grad is not None for parameter in tiny_cnn.parameters())
    assert not torch.equal(tiny_cnn[1].running_mean, before)
    with torch.no_grad():
        tiny_cnn[5].weight.mul_(2)
    assert torch.equal(twin[5].layer.parametrizations.weight.original, tiny_cnn[5].weight)
    assert set(tiny_cnn.state_dict()) == names and not tiny_cnn.training


def test_in_evaluation_it_is_the_quantised_network_over_the_span_of_the_batch(
    tiny_cnn: nn.Module, rng: torch.Generator
) -> None:
    images = torch.rand(20, 2, 6, 6, generator=rng)
    bits = {"0": 4, "5": 3}
    weights_only = shared_parameter_copy(tiny_cnn, bits, activations=False, percent=100)
    assert torch.equal(weights_only(images), quantise(tiny_cnn, bits)(images))
    twin = shared_parameter_copy(tiny_cnn, {"0": 4}, activations=True, percent=100)
    calibrated = quantise(tiny_cnn, {"0": 4}, activation_bits=4, calibration=images, percent=100)
    torch.testing.assert_close(twin(images), calibrated(images))


def test_training_through_the_rounding_gets_accuracy_back() -> None:
    data = wl.load_dataset("digits")
    software = copy.deepcopy(wl.load_model("digits-cnn"))
    bits = {"conv1": 8, "conv2": 2, "fc1": 2, "fc2": 8}
    test, calibration = data.test.take(300), data.train.take(200)
    before = wl.models.accuracy(
        quantise(software, bits, activation_bits=bits, calibration=calibration), test
    )
    twin = shared_parameter_copy(software, bits, activations=True, percent=99.9).train()
    optimizer = torch.optim.SGD(software.parameters(), lr=0.02, momentum=0.9)
    images, labels = to_float(data.train.images), data.train.labels
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        for batch in torch.randperm(len(labels), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(twin(images[batch]), labels[batch]).backward()
            optimizer.step()
    after = wl.models.accuracy(
        quantise(software, bits, activation_bits=bits, calibration=calibration), test
    )
    assert after > before + 0.2 and after > 0.8


def test_layers_that_are_not_there(tiny_cnn: nn.Module) -> None:
    with pytest.raises(ValueError, match="`bits` pattern 'head' matches no layer"):
        shared_parameter_copy(tiny_cnn, {"head": 4}, activations=True, percent=100)
