"""Layers in software and on a chip, one at a time."""

import pytest
import torch
from torch import nn

from wordline.defenses.layer_noise import draw_noise, layer_named, layer_outputs


def test_each_layer_gets_softwares_activations_and_biases_can_be_left_out() -> None:
    first, second = nn.Linear(2, 3), nn.Linear(3, 2)
    software = nn.Sequential(first, nn.ReLU(), second).eval()
    chip = {"0": nn.Linear(2, 3), "2": nn.Linear(3, 2)}
    x = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    hidden = first(x).relu()
    found = layer_outputs(software, {"0": first, "2": second}, chip, x)
    assert torch.equal(found["2"].software_out, second(hidden))
    assert torch.equal(found["2"].chip_out, chip["2"](hidden))
    bare = layer_outputs(software, {"2": second}, chip, x, without_bias=True)["2"]
    torch.testing.assert_close(bare.chip_out, hidden @ chip["2"].weight.T)
    assert not any(layer._forward_pre_hooks for layer in software)
    wrong = {"0": nn.Linear(2, 4)}
    with pytest.raises(ValueError, match=r"`chip` layer '0' makes \(5, 4\), that of `software`"):
        layer_outputs(software, {"0": first}, wrong, x)


def test_a_layer_called_model_is_found_before_the_whole_network() -> None:
    inner = nn.Linear(2, 2)
    outer = nn.Sequential()
    assert layer_named(outer, "model") is outer
    outer.add_module("model", inner)
    assert layer_named(outer, "model") is inner and layer_named(outer, "other") is None


def test_noise_comes_from_the_generator_alone(no_global_draws: None) -> None:
    one, two = (
        draw_noise(torch.zeros(4000).double(), 2.0, torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert torch.equal(one, two) and one.dtype == torch.float64
    assert float(one.std()) == pytest.approx(2.0, rel=0.05)
