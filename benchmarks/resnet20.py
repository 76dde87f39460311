"""The ResNet-20 of CIFAR-10 with parameter-free shortcuts, and its images, from files or seeded."""

from __future__ import annotations

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

import wordline as wl

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two 3 x 3 convolutions beside every `stride`th pixel, with channels of zeros about it."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.stride, self.pad = (1, 0) if inputs == channels else (2, channels // 4)
        self.conv1 = nn.Conv2d(inputs, channels, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        pad = (0, 0, 0, 0, self.pad, self.pad)
        shortcut = functional.pad(x[..., :: self.stride, :: self.stride], pad)
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + shortcut).relu()


class ResNet20(nn.Module):
    """Images in [0, 1] to logits; parameters are named as in the widely used CIFAR-10 checkpoints.

    Those of github akamaster/pytorch_resnet_cifar10 fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32), Block(32, 32), Block(32, 32))
        self.layer3 = nn.Sequential(Block(32, 64), Block(64, 64), Block(64, 64))
        self.linear = nn.Linear(64, 10)
        for name, three in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(three).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.bn1(self.conv1((images - self.mean) / self.std)).relu()
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def network(path: str) -> nn.Module:
    """Load the weights of a safetensors file, or draw those of seed 0."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ResNet20()
    if path:
        net.load_state_dict(load_file(path))
    return net.eval().requires_grad_(False)


def images(root: str, count: int) -> Tensor:
    """Take the first test images of a folder of CIFAR-10, or draw images of seed 1."""
    if root:
        test = wl.load_dataset("cifar10", root).test
        return torch.stack([test[index][0] for index in range(count)])
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))
