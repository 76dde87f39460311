"""Large networks of ImageNet from their configurations, with random weights, in plain torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0: pool
RESNET50 = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride
CLASSES, PIXELS = 1000, 224


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (with the stride), 1 x 1 to four times the width, beside a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            *_conv(inputs, width, 1), nn.ReLU(), *_conv(width, width, 3, stride), nn.ReLU(),
            *_conv(width, 4 * width, 1),
        )  # fmt: skip
        same = stride == 1 and inputs == 4 * width
        self.shortcut = nn.Sequential(*([] if same else _conv(inputs, 4 * width, 1, stride)))

    def forward(self, x: Tensor) -> Tensor:
        return (self.path(x) + self.shortcut(x)).relu()


class VisionTransformer(nn.Module):
    """ViT-B/16: 196 patches and a class token of 768 numbers, 12 blocks of 12 heads."""

    def __init__(self, width: int = 768, patch: int = 16, depth: int = 12, heads: int = 12) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, (PIXELS // patch) ** 2 + 1, width) * 0.02)
        block = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True,
            norm_first=True,
        )  # fmt: skip
        norm = nn.LayerNorm(width, eps=1e-6)
        self.blocks = nn.TransformerEncoder(block, depth, norm, enable_nested_tensor=False)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.token.expand(len(images), -1, -1), patches), 1) + self.positions
        return self.head(self.blocks(tokens)[:, 0])


def resnet50() -> nn.Module:
    """Build a ResNet-50 with the stride on its 3 x 3 convolutions; 25.6 M parameters."""
    layers: list[nn.Module] = [*_conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for width, blocks, stride in RESNET50:
        for block in range(blocks):
            layers.append(Bottleneck(inputs, width, 1 if block else stride))
            inputs = 4 * width
    head = nn.Linear(inputs, CLASSES)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def vgg16() -> nn.Module:
    """Build a VGG16 without batch norm, with its head of 25,088 inputs; 138.4 M parameters."""
    layers: list[nn.Module] = []
    inputs = 3
    for channels in VGG16:
        if channels:
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
            inputs = channels
        else:
            layers.append(nn.MaxPool2d(2))
    head = (nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU())
    return nn.Sequential(*layers, nn.Flatten(), *head, nn.Linear(4096, CLASSES))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-50": resnet50, "VGG16": vgg16, "ViT-B/16": VisionTransformer,
}  # fmt: skip


def build(name: str) -> nn.Module:
    """Build a network with the weights of seed 0, for inference."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return NETWORKS[name]().eval().requires_grad_(False)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]
