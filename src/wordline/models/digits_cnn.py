"""A small network for the embedded digits, with layers of several tiles; it trains in seconds."""

from __future__ import annotations

from torch import Tensor, nn


class DigitsCNN(nn.Module):
    """Conv 1 -> 32, pool, conv 32 -> 32 (3 x 3, ReLU), linear 512 -> 64 -> classes; no batch norm.

    For 8 x 8 images. As matrices: 9 x 32, 288 x 32, 512 x 64 and 64 x 10, so two layers need more
    than one tile of 64 x 64.
    """

    def __init__(self, classes: int = 10, side: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * (side // 2) ** 2, 64)
        self.fc2 = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images `(n, 1, side, side)` in [0, 1] to logits `(n, classes)`."""
        x = self.pool(self.conv1(images).relu())
        x = self.conv2(x).relu()
        return self.fc2(self.fc1(x.flatten(1)).relu())
