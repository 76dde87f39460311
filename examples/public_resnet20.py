"""Three ResNet-20 that other people trained, as networks of your own: a factory for each.

    wordline evaluate --model examples.public_resnet20:cifar10_a \
        --weights DIR/resnet20-cifar10-a.safetensors --data cifar10 --root DIR/cifar10 \
        --crossbar rethinking-64 --gain unit least-squares --eps 1/255

Run it where this file is found: in the folder that holds `examples`. The checkpoints are public,
and not part of wordline: save a state dict as safetensors, its names unchanged.

- `cifar10_a`: github akamaster/pytorch_resnet_cifar10, 91.7 % of CIFAR-10's test images. Its
  shortcuts have no parameters (option A of He et al. 2016).
- `cifar100`: github chenyaofo/pytorch-cifar-models, 68.8 % of CIFAR-100's.
- `cifar10_pgd`: github EhanW/advrob-cifar10, trained adversarially by PGD, 84.2 % of CIFAR-10's.

Each normalises its images inside, so that they, and epsilon, stay in [0, 1]. A factory is called
without arguments and returns a network whose names are those of the file: that is all it takes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation, used for CIFAR too
CIFAR100 = (0.5070, 0.4865, 0.4409), (0.2673, 0.2564, 0.2761)


class PaddedShortcut(nn.Module):
    """Option A: every second pixel, and channels of zeros on both sides; nothing is learnt."""

    def __init__(self, added: int) -> None:
        super().__init__()
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        """Map `(n, c, h, w)` to `(n, c + added, h / 2, w / 2)`."""
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added // 2))


def conv(channels_in: int, channels: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Make a convolution without bias that keeps the size but for its stride."""
    return nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, bias=False)


class Block(nn.Module):
    """Two convolutions and a shortcut; `mark` stands between a layer's name and its number."""

    def __init__(self, channels_in: int, channels: int, mark: str, *, padded: bool) -> None:
        super().__init__()
        widens = channels != channels_in
        layers = {
            f"conv{mark}1": conv(channels_in, channels, stride=1 + widens),
            f"bn{mark}1": nn.BatchNorm2d(channels),
            f"conv{mark}2": conv(channels, channels),
            f"bn{mark}2": nn.BatchNorm2d(channels),
        }
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.order = tuple(layers)
        self.downsample: nn.Module = nn.Identity()
        if widens and padded:
            self.downsample = PaddedShortcut(channels - channels_in)
        elif widens:
            self.downsample = nn.Sequential(
                conv(channels_in, channels, kernel=1, stride=2), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps to feature maps."""
        conv1, bn1, conv2, bn2 = (self.get_submodule(name) for name in self.order)
        return F.relu(bn2(conv2(F.relu(bn1(conv1(x))))) + self.downsample(x))


class ResNet20(nn.Module):
    """A stem of 16 channels, three groups of three blocks, the mean over pixels, the classes.

    `names`: of the groups and of the head in the file, and the mark of `Block`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, title: str, classes: int, normalise: tuple[tuple[float, ...], tuple[float, ...]],
        names: tuple[str, str, str], *, padded: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.display_name = title
        for name, values in zip(("mean", "std"), normalise, strict=True):
            # not in the file, and still part of the fingerprint of a record
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        group, head, mark = names
        layers = {f"conv{mark}1": conv(3, 16), f"bn{mark}1": nn.BatchNorm2d(16), "relu": nn.ReLU()}
        channels = 16
        for number, width in enumerate((16, 32, 64), 1):
            blocks = [Block(channels, width, mark, padded=padded)]
            blocks += [Block(width, width, mark, padded=padded) for _ in range(2)]
            layers[f"{group}{number}"], channels = nn.Sequential(*blocks), width
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.add_module(head, nn.Linear(channels, classes))
        self.order, self.head = tuple(layers), head

    def forward(self, images: Tensor) -> Tensor:
        """Map images `(n, 3, 32, 32)` in [0, 1] to logits."""
        if images.shape[1] != 3:  # one channel would be broadcast to three
            raise ValueError(f"`images` must have 3 channels, got {images.shape[1]}")
        x = (images - self.mean) / self.std
        for name in self.order:
            x = self.get_submodule(name)(x)
        return self.get_submodule(self.head)(x.mean(dim=(2, 3)))


def cifar10_a() -> ResNet20:
    """Make the network of akamaster/pytorch_resnet_cifar10."""
    return ResNet20(
        "public ResNet-20, CIFAR-10", 10, IMAGENET, ("layer", "linear", ""), padded=True
    )


def cifar100() -> ResNet20:
    """Make the network of chenyaofo/pytorch-cifar-models."""
    return ResNet20("public ResNet-20, CIFAR-100", 100, CIFAR100, ("layer", "fc", ""))


def cifar10_pgd() -> ResNet20:
    """Make the network of EhanW/advrob-cifar10."""
    return ResNet20("public ResNet-20, CIFAR-10, PGD", 10, IMAGENET, ("stage_", "fc", "_"))
