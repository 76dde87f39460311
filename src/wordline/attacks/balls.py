"""The L2 ball of allowed images around a clean one, and the choice of a ball by its norm."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ..typing import Images
from .norms import AbstractBall, LinfBall, Norm, per_sample, uniform


def ball(norm: Norm, images: Images, eps: float) -> AbstractBall:
    """Make the ball of radius `eps` in `norm` around each image.

    >>> ball("linf", torch.tensor([[0.5, 0.95]]), 0.1).project(torch.tensor([[1.0, 1.0]]))
    tensor([[0.6000, 1.0000]])
    """
    return LinfBall(images, eps) if norm == "linf" else L2Ball(images, eps)


@final
class L2Ball(AbstractBall):
    """Images whose change has a Euclidean length of at most `eps`."""

    def __init__(self, images: Images, eps: float) -> None:
        self._images, self._eps = images, eps

    def random_point(self, generator: torch.Generator) -> Images:
        # A radius eps u^(1/d), u uniform: the d-th root makes the density uniform in the ball.
        pixels = self._images.flatten(1)
        radius = uniform(pixels[:, 0], generator).pow(1 / pixels.shape[1])
        return self._moved(generator, self._eps * per_sample(radius, self._images))

    def random_extreme(self, generator: torch.Generator) -> Images:
        return self._moved(generator, torch.full_like(self._images, self._eps))

    def step(self, images: Images, gradient: Images, step_size: float) -> Images:
        return self.project(images + step_size * unit(gradient))

    def project(self, images: Images) -> Images:
        change = images - self._images
        length = _length(change).clamp_min(torch.finfo(change.dtype).tiny)
        return (self._images + change * (self._eps / length).clamp_max(1)).clamp_(0, 1)

    def at(self, index: Tensor) -> L2Ball:
        return L2Ball(self._images[index], self._eps)

    def _moved(self, generator: torch.Generator, radius: Tensor) -> Images:
        """Move each image by `radius` in a random direction."""
        normal = torch.randn(self._images.shape, generator=generator, dtype=self._images.dtype)
        return self.project(self._images + radius * unit(normal.to(self._images.device)))


def unit(vectors: Images) -> Images:
    """Divide every sample by its Euclidean length; zero stays zero.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    # A saturated loss has gradients of 1e-25, whose squares underflow in float32: scale by the
    # largest entry first.
    tiny = torch.finfo(vectors.dtype).tiny
    scaled = vectors / per_sample(vectors.flatten(1).abs().amax(1), vectors).clamp_min(tiny)
    return scaled / _length(scaled).clamp_min(tiny)


def _length(vectors: Images) -> Tensor:
    return per_sample(torch.linalg.vector_norm(vectors.flatten(1), dim=1), vectors)
