"""A small data set of two classes."""

from __future__ import annotations

import pytest
import torch

from wordline.datasets import ImageData, ImageSplit


@pytest.fixture
def blobs() -> ImageData:
    """Two classes of 2 x 8 x 8 noise around different shades: 40 training and 20 test images."""

    def read(split: str) -> ImageSplit:
        generator = torch.Generator().manual_seed(len(split))
        count = 40 if split == "train" else 20
        labels = torch.arange(count) % 2
        images = (
            0.3
            + 0.4 * labels[:, None, None, None]
            + 0.1 * torch.randn(count, 1, 8, 8, generator=generator)
        )
        return ImageSplit(images.clamp(0, 1), labels)

    return ImageData("blobs", ("dark", "light"), read)
