"""Networks that other people trained, as factories for `PretrainedNetwork` and `--model`.

ResNet-20 for 32 x 32 images [0, 1], normalised inside, with the parameter names of their public
checkpoints; weights are given with the factory: `--model studies.witnesses:resnet20_a --weights
resnet20-cifar10-a.safetensors`, from the root of the repository.
"""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

import wordline as wl

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR100 = (0.5070, 0.4865, 0.4409), (0.2673, 0.2564, 0.2761)


class PaddedShortcut(nn.Module):
    """Every second pixel, with channels of zeros on both sides: the shortcut without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        """Halve height and width of `(N, C, H, W)` and double C."""
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))


class Block(nn.Module):
    """Residual block relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))."""

    def __init__(self, channels_in: int, channels: int, *, padded: bool) -> None:
        super().__init__()
        stride = channels // channels_in
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 and padded:
            self.downsample = PaddedShortcut()
        elif stride > 1:
            conv = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps to feature maps."""
        out = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(out + self.downsample(x))


def _resnet20(classes: int, head: str, *, padded: bool) -> nn.Module:
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU()
    )
    channels = 16
    for number, width in enumerate((16, 32, 64), 1):
        blocks = [Block(channels, width, padded=padded)]
        blocks += [Block(width, width, padded=padded) for _ in range(2)]
        parts[f"layer{number}"], channels = nn.Sequential(*blocks), width
    parts["pool"], parts["flatten"] = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    parts[head] = nn.Linear(channels, classes)
    return nn.Sequential(parts)


def resnet20_a() -> nn.Module:
    """CIFAR-10, shortcuts without parameters."""
    return wl.Normalized(_resnet20(10, "linear", padded=True), *IMAGENET)


def resnet20_cifar100() -> nn.Module:
    """CIFAR-100, shortcuts of a 1 x 1 convolution and a batch norm."""
    return wl.Normalized(_resnet20(100, "fc", padded=False), *CIFAR100)
