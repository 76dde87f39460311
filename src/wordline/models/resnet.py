"""Thin residual networks of arXiv 2109.09060: ResNet-10 and -20 for 32 x 32 images, any width."""

from __future__ import annotations

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Residual block: relu(bn(conv(relu(bn(conv(x))))) + shortcut(x)).

    The shortcut is a 1 x 1 convolution where the shape changes, otherwise the identity.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps to feature maps."""
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    """Conv 3 -> 16; three groups of `blocks` basic blocks; mean over pixels; linear.

    The groups have 16w, 32w and 64w channels, w = `width`, and strides 1, 2, 2.
    """

    def __init__(self, blocks: tuple[int, int, int], classes: int, width: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        groups: list[nn.Module] = []
        channels = 16
        for group, count in enumerate(blocks):
            out = 16 * 2**group * width
            strides = [1 if group == 0 else 2] + [1] * (count - 1)
            for stride in strides:
                groups.append(BasicBlock(channels, out, stride))
                channels = out
        self.groups = nn.Sequential(*groups)
        self.head = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images `(n, 3, h, w)` in [0, 1] to logits `(n, classes)`."""
        features = self.groups(self.relu(self.bn(self.conv(images))))
        return self.head(features.mean(dim=(2, 3)))
