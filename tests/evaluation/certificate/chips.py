"""Small networks and crossbars whose first layer is noisy."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

import wordline as wl
from wordline.devices import OutputBound

SIGMA = 0.5  # in products of the largest weight and the largest input
NOISY = dataclasses.replace(
    wl.Crossbar.preset("ideal"),
    dac=wl.IdealConverter(range=wl.devices.FixedRange(2.0)),
    output_noise=wl.OutputNoise(sigma=SIGMA, range=OutputBound(1.0)),
)
QUIET = wl.Crossbar.preset("ideal")
ADC = wl.UniformConverter(bits=6, range=OutputBound(3.0))
REAL = dataclasses.replace(
    NOISY, tile=(8, 6), wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(0.1),), gain=wl.PerColumnGain(),
)  # fmt: skip


def two_sided(direction: Tensor, centre: float = 0.5) -> nn.Sequential:
    """Logits +-w (x - centre): the nearest image of the other class is |w (x - centre)| / |w| away.

    Noise of deviation s on both logits is one of s sqrt(2) on their difference 2 w (x - centre).
    """
    linear = nn.Linear(len(direction), 2)
    linear.weight.data = torch.stack((direction, -direction))
    linear.bias.data = -centre * linear.weight.data.sum(1)
    return nn.Sequential(nn.Flatten(), linear).eval()


def small_cnn() -> nn.Sequential:
    """1 x 6 x 6 images, two classes, normalised."""
    torch.manual_seed(1)  # inside fork_rng of the caller
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(36, 2)
    )
    return wl.Normalized(net, mean=(0.4,), std=(0.25,)).eval()
