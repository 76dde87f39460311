"""Models whose nearest adversarial image is known, and small ones whose is not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Logits W x + b over flattened images; no parameters, so any dtype is one argument away."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = weight
        self.bias = torch.zeros(len(weight), dtype=weight.dtype) if bias is None else bias

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T + self.bias


def hadamard(size: int) -> Tensor:
    matrix = torch.ones(1, 1, dtype=torch.float64)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return matrix


@pytest.fixture
def equidistant() -> Linear:
    """Ten classes on 16 features; any two weight rows differ by 1/2 in exactly half of the
    features.

    Every wrong class is equally far per unit of margin (||w_i - w_y||_1 = 4, ||w_i - w_y||_2 = sqrt
    2), so the nearest adversarial image lies towards the runner-up, and an attack on the margin
    from there finds it.
    """
    return Linear(hadamard(16)[1:11] / 4)


@pytest.fixture
def two_classes() -> Linear:
    """Two classes, sixteen features of unequal weight: one wrong class, so every start leads to
    it.
    """
    generator = torch.Generator().manual_seed(7)
    weight = torch.randn(2, 16, generator=generator, dtype=torch.float64)
    return Linear(weight, -weight.sum(1) / 2)  # undecided about a grey image, so the border is near


@pytest.fixture
def unequal() -> Linear:
    """Five classes whose weight rows differ in length: the runner-up is often not the nearest
    class.
    """
    generator = torch.Generator().manual_seed(8)
    weight = torch.randn(5, 16, generator=generator, dtype=torch.float64) * torch.tensor(
        [[1], [2], [4], [1], [3]]
    )
    return Linear(weight, -weight.sum(1) / 2)


@pytest.fixture
def middle_images() -> Tensor:
    """Forty images far enough from 0 and 1 that the box never binds for eps up to 0.3."""
    generator = torch.Generator().manual_seed(3)
    return 0.4 + 0.2 * torch.rand(40, 1, 4, 4, generator=generator, dtype=torch.float64)


@pytest.fixture
def cnn() -> nn.Module:
    """A small untrained network with stride, pooling and batch norm, in eval mode; its classes lie
    close together.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, stride=2),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(8, 5),
        )
        examples = torch.rand(300, 3, 6, 6)
    with torch.no_grad():
        model[4].weight *= 4
        model[1].momentum = 1.0
        model(examples)  # batch-norm statistics of such images
        model.eval()[7].bias -= model(examples).mean(0)  # so that every class is met
    return model


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Twelve 3x6x6 images and labels of five classes."""
    generator = torch.Generator().manual_seed(2)
    return torch.rand(12, 3, 6, 6, generator=generator), torch.randint(
        0, 5, (12,), generator=generator
    )


@pytest.fixture
def own(cnn: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The same images, labelled as the small network sees them: every one is correct to begin
    with.
    """
    images, _ = batch
    return images, cnn(images).argmax(1)
