"""Small data and networks for the tests: few digits, two layers with batch norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wordline.datasets import ImageData, ImageSplit


@pytest.fixture
def normed(rng: torch.Generator) -> nn.Module:
    """1 x 4 x 4 images -> 3 logits, with batch norm, in training mode."""
    with torch.random.fork_rng(devices=[]):
        conv, norm, head = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(64, 3)
    model = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), head)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(
                    torch.randn(parameter.shape, generator=rng) / parameter[0].numel() ** 0.5
                )
    return model.train()


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Six images with pixels at both ends, and their labels."""
    generator = torch.Generator().manual_seed(5)
    images = (1.4 * torch.rand(6, 1, 4, 4, generator=generator) - 0.2).clamp(0, 1)
    return images, torch.arange(6) % 3


@pytest.fixture
def blobs() -> ImageData:
    """Two classes of 8 x 8 noise around different shades: 60 training and 20 test images."""

    def read(split: str) -> ImageSplit:
        generator = torch.Generator().manual_seed(len(split))
        count = 60 if split == "train" else 20
        labels = torch.arange(count) % 2
        images = (
            0.3
            + 0.4 * labels[:, None, None, None]
            + 0.1 * torch.randn(count, 1, 8, 8, generator=generator)
        )
        return ImageSplit(images.clamp(0, 1), labels)

    return ImageData("blobs", ("dark", "light"), read)
