"""Network architectures by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..values import require_integer
from .digits_cnn import DigitsCNN
from .resnet import ResNet
from .vgg import VGG, VGG8, VGG16

Build = Callable[[int, int], nn.Module]  # (classes, image side) -> network
ARCHITECTURES: dict[str, Build] = {
    "digits-cnn": DigitsCNN,
    "vgg8": lambda classes, side: VGG(VGG8, 1024, classes, side=side),
    "vgg8-half": lambda classes, side: VGG(VGG8, 1024, classes, width=0.5, side=side),
    "vgg16": lambda classes, side: VGG(VGG16, 512, classes, side=side),
    "vgg16-half": lambda classes, side: VGG(VGG16, 512, classes, width=0.5, side=side),
    "resnet10": lambda classes, side: ResNet((1, 1, 2), classes),
    "resnet10-w4": lambda classes, side: ResNet((1, 1, 2), classes, width=4),
    "resnet20": lambda classes, side: ResNet((3, 3, 3), classes),
    "resnet20-w4": lambda classes, side: ResNet((3, 3, 3), classes, width=4),
}


def build_model(name: str, classes: int, side: int = 32, *, seed: int = 0) -> nn.Module:
    """Build an untrained network in training mode; `seed` decides its initial weights.

    `side` is the height and width of the images. The global random state stays as it is. Raises
    ValueError for an unknown name, fewer than two classes, or a side that the network cannot halve
    often enough.

    >>> build_model("resnet10", classes=10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"`name` must be one of {', '.join(ARCHITECTURES)}, got {name!r}")
    require_integer("classes", classes, at_least=2)
    require_integer("side", side, at_least=1)
    require_integer("seed", seed, at_least=0)
    with torch.random.fork_rng(devices=[]):
        # the CPU's generator alone: torch.manual_seed would seed GPUs too
        torch.default_generator.manual_seed(seed)
        return ARCHITECTURES[name](classes, side)
