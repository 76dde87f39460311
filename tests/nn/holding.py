"""Networks that the tests of copies and of digital layers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import wordline as wl

CROSSBAR = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())
X = torch.rand(5, 6, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(1)
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        for parameter in self.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=g))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


class Held(Plain):
    """Calls what `hold` made of its layers."""

    def __init__(self, hold: Callable[[Any], Any], call: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.held, self.call = hold(self), call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.held, x)
