"""The two zoos: networks whose robustness is an illusion, and networks that are no worse than they
look.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.datasets import ImageSplit


@pytest.fixture(scope="session")
def software() -> nn.Module:
    return wl.load_model("digits-cnn")


@pytest.fixture(scope="session")
def digits() -> ImageSplit:
    return wl.load_dataset("digits").test


class In(nn.Module):
    """A network behind a function of its images."""

    def __init__(self, model: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.function = model, function
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(self.function(images))


class Out(nn.Module):
    """A network before a function of its logits."""

    def __init__(self, model: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.function = model, function
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.function(self.model(images))


class Backward(torch.autograd.Function):
    """The identity with a backward of one's choice."""

    @staticmethod
    def forward(ctx, x, change):
        ctx.change = change
        return x.clone()

    @staticmethod
    def backward(ctx, upstream):
        return ctx.change(upstream), None


def with_backward(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: Backward.apply(x, change)


def permuted(gradient: Tensor) -> Tensor:
    """Each pixel gets another pixel's gradient: right size, wrong place."""
    flat = gradient.flatten(1)
    order = torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(1))
    return flat[:, order].view_as(gradient)


def rounded(x: Tensor) -> Tensor:
    return (15 * x).round() / 15


class TestTime(nn.Module):
    """Purifies its input by gradient steps of its own before it answers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = images.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(self.model(leaf).logsumexp(1).sum(), leaf)
        return self.model(images + 0.01 * gradient.sign())


class Flattened(nn.Module):
    """Steps of the input, smooth but steep: a gradient exists, and is almost zero almost
    everywhere.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        scaled = 4 * images
        floor = scaled.detach().floor()
        return self.model((floor + torch.sigmoid(400 * (scaled - floor - 0.5))) / 4)


BROKEN: dict[str, Callable[[nn.Module], nn.Module]] = {
    "rounded pixels, no straight-through": lambda m: In(m, rounded),
    "logits x 300": lambda m: Out(m, lambda z: 300 * z),
    "shattered input": lambda m: In(m, lambda x: x + 0.02 * torch.sin(300 * x)),
    "shattered, finely": lambda m: In(m, lambda x: x + 0.003 * torch.sin(5000 * x)),
    "backward turned round": lambda m: In(m, with_backward(torch.neg)),
    "backward of other pixels": lambda m: In(m, with_backward(permuted)),
    "backward of zeros": lambda m: In(m, with_backward(torch.zeros_like)),
    "backward of NaN": lambda m: In(m, with_backward(lambda g: torch.full_like(g, torch.nan))),
    "no gradient at all": lambda m: In(m, torch.Tensor.detach),
    "steep steps": Flattened,
    "rounded logits": lambda m: Out(m, lambda z: (2 * z).round()),
    "softmax of large logits": lambda m: Out(m, lambda z: (50 * z).softmax(1)),
    "purified at test time": TestTime,
}


class Noise(nn.Module):
    """Gaussian noise on every pixel at each forward pass, from a generator of its own; can be
    frozen and scaled.
    """

    stochastic = True

    def __init__(self, model: nn.Module, sigma: float, seed: int = 0) -> None:
        super().__init__()
        self.model, self.sigma, self.seed = model, sigma, seed
        self.stream = torch.Generator().manual_seed(seed)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images + self.sigma * torch.randn(images.shape, generator=self.stream))

    def frozen(self, seed: int) -> nn.Module:
        pattern = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        return In(self.model, lambda x: x + self.sigma * pattern)

    def with_noise(self, scale: float) -> Noise:
        return Noise(self.model, scale * self.sigma, self.seed)


class Secretive(nn.Module):
    """Draws from torch's global generator, says nothing of it, and cannot be frozen."""

    def __init__(self, model: nn.Module, sigma: float) -> None:
        super().__init__()
        self.model, self.sigma = model, sigma
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images + self.sigma * torch.randn_like(images))


@pytest.fixture(scope="session")
def hardened(software: nn.Module) -> nn.Module:
    """The digits network, adversarially trained for some seconds: honestly more robust."""
    train = wl.load_dataset("digits").train
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = copy.deepcopy(software)
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
        attack = wl.PGD(eps=0.12, steps=5, loss="cross-entropy", keep="last")
        for _ in range(8):
            for batch in torch.randperm(len(train)).split(64):
                images, labels = train.images[batch], train.labels[batch]
                adversarial = attack(model.eval(), images, labels)
                optimiser.zero_grad()
                nn.functional.cross_entropy(model.train()(adversarial), labels).backward()
                optimiser.step()
    return model.eval()


# A budget for tests of the machinery: too small to prove anything about a network.
FAST = wl.Budget(
    steps=10,
    restarts=1,
    targets=3,
    eot=2,
    draws=20,
    random=20,
    square=100,
    hop=3,
    hard_label=5,
    probes=20,
    binarized=10,
)


@pytest.fixture
def greys() -> ImageSplit:
    """A hundred grey images of mean 0.31 to 0.69, labelled rightly."""
    level = torch.linspace(0.31, 0.69, 100)
    return ImageSplit(level.view(-1, 1, 1, 1).expand(100, 1, 8, 8).clone(), (level > 0.5).long())
