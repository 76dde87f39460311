"""What may happen to a conductance between being asked for and being there."""

from __future__ import annotations

import abc

import torch
from torch import Tensor

from ..values import Value
from .memristor import Memristor


class AbstractNonideality(Value):
    """One imperfection of programming; a crossbar lists them in the order in which they act."""

    @abc.abstractmethod
    def apply(self, g: Tensor, device: Memristor, *, generator: torch.Generator) -> Tensor:
        """Conductances asked for -> conductances there; siemens, any shape, every draw from `generator`."""


def draw_normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of the shape, dtype and device of `like`.

    Drawn in float32 on the generator's own device, so that a chip is the same in float64 and on a GPU.
    """
    numbers = torch.randn(like.shape, generator=generator, device=generator.device, dtype=torch.float32)
    return numbers.to(like.device, like.dtype)
