"""Normalisation in front of a network, by hand and under a chip."""

import pytest
import torch
from torch import nn

import wordline as wl


def test_channels_are_normalised_one_by_one() -> None:
    x = torch.rand(2, 3, 4, 4)
    mean, std = (0.1, 0.2, 0.3), (1.0, 0.5, 0.25)
    out = wl.Normalized(nn.Identity().eval(), mean, std)(x)
    for channel in range(3):
        torch.testing.assert_close(out[:, channel], (x[:, channel] - mean[channel]) / std[channel])


def test_a_normalised_network_maps_and_keeps_its_mode() -> None:
    network = wl.Normalized(nn.Conv2d(3, 4, 1).eval(), (0.5,) * 3, (0.25,) * 3)
    assert not network.training
    chip = wl.map_model(network, wl.Crossbar.preset("ideal"))
    assert list(chip.layers) == ["model"]
    x = torch.rand(1, 3, 2, 2)
    torch.testing.assert_close(chip(x), network(x))


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (1.0, 1.0), "`mean` and `std` must hold one number a channel"),
        ((0.5,), (0.0,), "`std` must be greater"),
        ((0.5,), (float("nan"),), "`std` must be a finite"),
    ],
)
def test_bad_statistics_are_refused(
    mean: tuple[float, ...], std: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        wl.Normalized(nn.Identity(), mean, std)


def test_images_of_another_number_of_channels_are_refused() -> None:
    three = wl.Normalized(nn.Identity(), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="`images` have 1 channels, `mean` and `std` 3"):
        three(torch.zeros(2, 1, 4, 4))
    one = wl.Normalized(nn.Identity(), (0.5,), (1.0,))
    assert one(torch.zeros(2, 3, 4, 4)).shape == (2, 3, 4, 4)
