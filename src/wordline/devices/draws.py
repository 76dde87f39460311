"""Random numbers, one for each device, that depend on the generator alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..transforms import outside_transforms


def draw_normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers of the shape, dtype and device of `like`.

    They are drawn in float32 on the generator's device, so that a chip is the same in float64 and
    on a GPU.
    """
    return _draw(torch.randn, like, generator)


def draw_uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw numbers uniform in [0, 1) of the shape, dtype and device of `like`.

    They are drawn in float32 on the generator's device, as multiples of 2^-24 = 6e-8.
    """
    return _draw(torch.rand, like, generator)


def _draw(draw: Callable[..., Tensor], like: Tensor, generator: torch.Generator) -> Tensor:
    shape = tuple(like.shape)
    numbers = outside_transforms(
        lambda: draw(shape, generator=generator, device=generator.device, dtype=torch.float32)
    )
    return numbers.to(like.device, like.dtype)
