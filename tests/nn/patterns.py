"""Patterns of seventeen public CIFAR architectures, each rebuilt small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)


def conv_norm(
    inputs: int, outputs: int, size: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        conv(inputs, outputs, size, stride, groups), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class LeNet(nn.Module):
    """Layers called one after another, by functions of torch between them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 5), nn.Conv2d(4, 6, 3)
        self.fc1, self.fc2 = nn.Linear(6 * 2 * 2, 12), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        return self.fc2(functional.relu(self.fc1(x.flatten(1))))


class VGG(nn.Module):
    """A list of numbers made into a sequence of layers."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for step in (4, "M", 6, 6, "M", 8, "M"):
            if isinstance(step, int):
                layers += [
                    nn.Conv2d(width, step, 3, padding=1),
                    nn.BatchNorm2d(step),
                    nn.ReLU(inplace=True),
                ]
                width = step
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers, nn.AvgPool2d(1, 1))
        self.classifier = nn.Linear(8 * 2 * 2, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class Residual(nn.Module):
    """A sum with a shortcut, a convolution where the shape changes."""

    def __init__(self, body: nn.Module, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body, self.shortcut = body, nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


def basic(inputs: int, outputs: int, stride: int) -> nn.Module:
    body = nn.Sequential(
        conv_norm(inputs, outputs, 3, stride), conv(outputs, outputs), nn.BatchNorm2d(outputs)
    )
    return Residual(body, inputs, outputs, stride)


def bottleneck(inputs: int, outputs: int, stride: int, groups: int = 1) -> nn.Module:
    body = nn.Sequential(
        conv_norm(inputs, 4, 1),
        conv_norm(4, 4, 3, stride, groups),
        conv(4, outputs, 1),
        nn.BatchNorm2d(outputs),
    )
    return Residual(body, inputs, outputs, stride)


class PreActivation(nn.Module):
    """Norm and activation first.

    The shortcut leaves after them, and exists as an attribute only where it is needed.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, outputs, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv(outputs, outputs)
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(x))
        shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
        return self.conv2(functional.relu(self.bn2(self.conv1(out)))) + shortcut


class Inception(nn.Module):
    """Branches side by side, concatenated."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.b1 = conv_norm(inputs, 2, 1)
        self.b2 = nn.Sequential(conv_norm(inputs, 2, 1), conv_norm(2, 3))
        self.b3 = nn.Sequential(conv_norm(inputs, 2, 1), conv_norm(2, 2), conv_norm(2, 2))
        self.b4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_norm(inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in (self.b1, self.b2, self.b3, self.b4)], 1)


class Dense(nn.Module):
    """What a layer computes is concatenated to what it was given."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, 2 * growth, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(2 * growth), conv(2 * growth, growth)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(functional.relu(self.bn1(x)))
        return torch.cat([self.conv2(functional.relu(self.bn2(out))), x], 1)


def separable(inputs: int, outputs: int, stride: int, size: int = 3) -> nn.Module:
    """A depthwise convolution, then a pointwise one."""
    return nn.Sequential(
        conv_norm(inputs, inputs, size, stride, groups=inputs), conv_norm(inputs, outputs, 1)
    )


class InvertedResidual(nn.Module):
    """Wide inside, narrow outside, no activation at the end."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, wide = stride, 3 * inputs
        self.expand, self.depthwise = (
            conv_norm(inputs, wide, 1),
            conv_norm(wide, wide, 3, stride, wide),
        )
        self.project = nn.Sequential(conv(wide, outputs, 1), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Sequential(conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return out + self.shortcut(x) if self.stride == 1 else out


class SqueezeExcite(nn.Module):
    """Channels scaled by what two 1 x 1 layers make of their means.

    Linear ones, or convolutions.
    """

    def __init__(self, width: int, *, linear: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 2) if linear else nn.Conv2d(width, 2, 1)
        self.fc2 = nn.Linear(2, width) if linear else nn.Conv2d(2, width, 1)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        squeezed = functional.adaptive_avg_pool2d(x, 1)
        w = self.fc2(
            functional.relu(self.fc1(squeezed.flatten(1) if self.linear else squeezed))
        ).sigmoid()
        return x * w.view(*w.shape[:2], 1, 1)


class EfficientBlock(nn.Module):
    """Inverted residual with squeeze-excite, swish and stochastic depth, off in evaluation mode."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        wide = 2 * inputs
        self.expand, self.depthwise = conv(inputs, wide, 1), conv(wide, wide, 5, groups=wide)
        self.se, self.project = SqueezeExcite(wide, linear=False), conv(wide, outputs, 1)
        self.bn1, self.bn2, self.bn3 = (
            nn.BatchNorm2d(wide),
            nn.BatchNorm2d(wide),
            nn.BatchNorm2d(outputs),
        )
        self.drop_rate, self.same = 0.2, inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out = functional.silu(self.bn1(self.expand(x)))
        out = self.bn3(self.project(self.se(functional.silu(self.bn2(self.depthwise(out))))))
        if self.training and self.drop_rate:
            out = out * torch.bernoulli(torch.full((len(x), 1, 1, 1), 1 - self.drop_rate))
        return out + x if self.same else out


def shuffled(x: Tensor, groups: int) -> Tensor:
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class ShuffleUnit(nn.Module):
    """Grouped 1 x 1 convolutions with a shuffle of channels between.

    The shortcut is pooled and concatenated.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, 4, 1, groups=2), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = conv(4, 4, 3, 2, groups=4), nn.BatchNorm2d(4)
        self.conv3, self.bn3 = (
            conv(4, outputs - inputs, 1, groups=2),
            nn.BatchNorm2d(outputs - inputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        out = shuffled(functional.relu(self.bn1(self.conv1(x))), 2)
        out = self.bn3(self.conv3(self.bn2(self.conv2(out))))
        return functional.relu(torch.cat([out, functional.avg_pool2d(x, 3, 2, 1)], 1))


class ShuffleSplit(nn.Module):
    """Half of the channels pass by."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.branch = nn.Sequential(
            conv_norm(half, half, 1),
            conv(half, half, 3, groups=half),
            nn.BatchNorm2d(half),
            conv_norm(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        kept, used = x.chunk(2, 1)
        return shuffled(torch.cat([kept, self.branch(used)], 1), 2)


class DualPath(nn.Module):
    """Some channels are added to the shortcut, the others concatenated."""

    def __init__(self, inputs: int, added: int, grown: int) -> None:
        super().__init__()
        self.added = added
        self.body = nn.Sequential(
            conv_norm(inputs, 4, 1),
            conv_norm(4, 4, 3, groups=2),
            conv(4, added + grown, 1),
            nn.BatchNorm2d(added + grown),
        )
        self.shortcut = conv(inputs, added + grown, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b, d = self.shortcut(x), self.body(x), self.added
        return functional.relu(torch.cat([a[:, :d] + b[:, :d], a[:, d:], b[:, d:]], 1))


class ProgressiveCell(nn.Module):
    """Sums of separable convolutions of several sizes and of pooling."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.left, self.right = separable(inputs, outputs, 1, 5), separable(inputs, outputs, 1, 3)
        self.pooled = nn.Sequential(conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))
        self.join = conv_norm(2 * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = functional.relu(self.left(x) + self.pooled(functional.max_pool2d(x, 3, 1, 1)))
        return self.join(torch.cat([first, self.right(x)], 1))


class Aggregation(nn.Module):
    """A tree: levels made by name, called by name, joined by a root."""

    def __init__(self, inputs: int, outputs: int, level: int) -> None:
        super().__init__()
        self.level = level
        self.root = conv_norm((level + 2) * outputs, outputs, 1)
        for at in reversed(range(1, level)):
            setattr(
                self,
                f"level_{at}",
                Aggregation(inputs if at == level - 1 else outputs, outputs, at),
            )
        self.prev_root = basic(inputs, outputs, 1)
        self.left_node = basic(outputs if level > 1 else inputs, outputs, 1)
        self.right_node = basic(outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        found = [self.prev_root(x)]
        for at in reversed(range(1, self.level)):
            x = getattr(self, f"level_{at}")(x)
            found.append(x)
        found.append(self.left_node(x))
        found.append(self.right_node(found[-1]))
        return self.root(torch.cat(found, 1))


class Classifier(nn.Module):
    """A stem, blocks, global pooling, a linear head."""

    def __init__(self, *blocks: nn.Module, width: int, stem: int = 6) -> None:
        super().__init__()
        self.stem, self.blocks = conv_norm(3, stem), nn.Sequential(*blocks)
        self.head = nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        out = self.blocks(self.stem(x))
        return self.head(functional.adaptive_avg_pool2d(out, 1).flatten(1))


PATTERNS: dict[str, Callable[[], nn.Module]] = {
    "LeNet": LeNet,
    "VGG": VGG,
    "ResNet, basic blocks": lambda: Classifier(basic(6, 8, 2), basic(8, 8, 1), width=8),
    "ResNet, bottlenecks": lambda: Classifier(bottleneck(6, 8, 2), bottleneck(8, 8, 1), width=8),
    "PreActResNet": lambda: Classifier(PreActivation(6, 6, 1), PreActivation(6, 8, 2), width=8),
    "ResNeXt": lambda: Classifier(bottleneck(6, 8, 2, groups=2), width=8),
    "GoogLeNet": lambda: Classifier(Inception(6), Inception(8), width=8),
    "DenseNet": lambda: Classifier(
        Dense(6, 3), Dense(9, 3), conv_norm(12, 6, 1), nn.AvgPool2d(2), width=6
    ),
    "MobileNet": lambda: Classifier(separable(6, 8, 2), separable(8, 8, 1), width=8),
    "MobileNetV2": lambda: Classifier(
        InvertedResidual(6, 8, 1), InvertedResidual(8, 6, 2), width=6
    ),
    "SENet": lambda: Classifier(basic(6, 8, 2), SqueezeExcite(8, linear=True), width=8),
    "EfficientNet": lambda: Classifier(EfficientBlock(6, 8), EfficientBlock(8, 8), width=8),
    "ShuffleNet": lambda: Classifier(ShuffleUnit(6, 12), width=12),
    "ShuffleNetV2": lambda: Classifier(ShuffleSplit(6), ShuffleSplit(6), width=6),
    "DPN": lambda: Classifier(DualPath(6, 6, 2), DualPath(10, 6, 2), width=10),
    "RegNet": lambda: Classifier(
        bottleneck(6, 8, 2, groups=4), SqueezeExcite(8, linear=False), width=8
    ),
    "PNASNet and DLA": lambda: Classifier(ProgressiveCell(6, 6), Aggregation(6, 6, 2), width=6),
}


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in evaluation mode and float64, with statistics and scales as after training."""
    g = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=g))
            module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=g))
    for parameter in network.parameters():
        parameter.data.copy_(
            torch.randn(parameter.shape, generator=g) * (0.5 if parameter.dim() == 1 else 0.3)
        )
    return network.double().eval()
