"""A small network for the embedded digits: large enough to need several tiles, small enough to train in seconds."""

from torch import Tensor, nn


class DigitsCNN(nn.Module):
    """Conv 1 -> 16 -> 32 (3 x 3, ReLU, pool), linear 128 -> 64 -> 10, no batch norm."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(32 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images `(n, 1, 8, 8)` in [0, 1] -> logits `(n, classes)`."""
        x = self.pool(self.conv1(images).relu())
        x = self.pool(self.conv2(x).relu())
        return self.fc2(self.fc1(x.flatten(1)).relu())
