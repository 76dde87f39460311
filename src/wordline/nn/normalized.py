"""Networks that expect normalised images, given images in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalized(nn.Module):
    """x -> model((x - mean) / std) per channel: the images, and so epsilon, stay in [0, 1].

    `mean`, `std`: one number a channel, std > 0. The arithmetic is digital, before the first converter.

    >>> Normalized(nn.Identity(), mean=(0.5,), std=(0.25,))(torch.full((1, 1, 1, 1), 0.75)).item()
    1.0
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std) or not mean:
            raise ValueError(f"`mean` and `std` must hold one number a channel each, got {len(mean)} and {len(std)}")
        if min(std) <= 0:
            raise ValueError(f"`std` must be greater than 0, got {min(std):g}")
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))
        self.train(model.training)

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1] -> what the network makes of them, normalised."""
        return self.model((images - self.mean) / self.std)
