"""Fixtures shared by the tests: seeded streams and networks small enough for closed forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn


@pytest.fixture
def rng() -> torch.Generator:
    """A seeded stream; the same in every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def no_global_draws() -> Iterator[None]:
    """Fails a test during which anything was drawn from torch's global generator."""
    before = torch.get_rng_state()
    yield
    if not torch.equal(torch.get_rng_state(), before):
        pytest.fail(
            "something was drawn from torch's global generator; pass `generator=` all the way down"
        )


@pytest.fixture
def linear_model(rng: torch.Generator) -> nn.Module:
    """1 x 4 x 4 images -> 3 logits, linear.

    Nearest adversarial images and gradients have closed forms.
    """
    with torch.random.fork_rng(devices=[]):
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return _drawn(model, rng)


@pytest.fixture
def tiny_cnn(rng: torch.Generator) -> nn.Module:
    """2 x 6 x 6 images -> 4 logits.

    Convolution, batch norm, ReLU, pooling and a linear layer, in eval mode.
    """
    with torch.random.fork_rng(devices=[]):
        conv, norm, head = nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.Linear(45, 4)
    norm.running_mean.copy_(torch.randn(5, generator=rng) / 10)
    norm.running_var.copy_(torch.rand(5, generator=rng) + 0.5)
    return _drawn(nn.Sequential(conv, norm, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), head), rng)


def _drawn(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw matrices of variance 1 / fan-in, so that logits are of order one."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(
                    torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5
                )
    return model.eval()
