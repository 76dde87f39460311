"""Networks that expect normalised images, given images in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..values import require_number


class Normalized(nn.Module):
    """x -> model((x - mean) / std) per channel: the images, and so epsilon, stay in [0, 1].

    `mean`, `std`: one number a channel, std > 0. The arithmetic is digital, before the first
    converter.

    >>> Normalized(nn.Identity(), mean=(0.5,), std=(0.25,))(torch.full((1, 1, 1, 1), 0.75)).item()
    1.0
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, model: nn.Module, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor
    ) -> None:
        super().__init__()
        given = (torch.as_tensor(values, dtype=torch.float32) for values in (mean, std))
        means, stds = (values.flatten() for values in given)
        if len(means) != len(stds) or len(means) == 0:
            raise ValueError(
                "`mean` and `std` must hold one number a channel each, "
                f"got {len(means)} and {len(stds)}"
            )
        for low in stds.tolist():
            require_number("std", low, above=0.0)
        for value in means.tolist():
            require_number("mean", value)
        self.model = model
        self.register_buffer("mean", means.view(-1, 1, 1))
        self.register_buffer("std", stds.view(-1, 1, 1))
        self.train(model.training)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise images in [0, 1] and pass them to the network.

        Raises ValueError for images of another number of channels: they would be broadcast.
        """
        channels = len(self.mean)
        if channels > 1 and images.shape[-3] != channels:
            raise ValueError(
                f"`images` have {images.shape[-3]} channels, `mean` and `std` {channels}; "
                "give images of as many channels"
            )
        return self.model((images - self.mean) / self.std)
