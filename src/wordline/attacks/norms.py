"""Lengths of a change of an image, and the Linf ball of allowed images around a clean one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Final, Literal, final

import torch
from torch import Tensor

from ..typing import Images, PerSample
from ..values import require_number

Norm = Literal["linf", "l2"]
NORMS: Final = ("linf", "l2")


def require_radius(name: str, radius: float, norm: Norm = "linf", *, above: float = -1.0) -> None:
    """Refuse a radius that is no length, or one above 1 in `linf`, where pixels lie in [0, 1].

    In `l2` every finite length is one: the box [0, 1]^d has the diagonal sqrt(d), and a larger
    ball is the whole box.

    >>> require_radius("eps", 8, "l2")
    >>> require_radius("eps", 8, "linf")
    Traceback (most recent call last):
        ...
    ValueError: `eps` must be at most 1, got 8: no pixel in [0, 1] moves ...; write 8/255
    """
    require_number(name, radius, at_least=0.0 if above < 0 else -math.inf, above=above)
    if norm == "linf" and radius > 1:
        raise ValueError(
            f"`{name}` must be at most 1, got {radius:g}: no pixel in [0, 1] moves farther in "
            f"linf; write {radius:g}/255"
        )


def distance(images: Images, others: Images, norm: Norm) -> PerSample:
    """Measure how far apart two batches are, sample by sample.

    >>> zero, other = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    >>> distance(zero, other, "linf"), distance(zero, other, "l2")
    (tensor([4.]), tensor([5.]))
    """
    order = torch.inf if norm == "linf" else 2
    return torch.linalg.vector_norm((images - others).flatten(1), ord=order, dim=1)


def per_sample(values: Tensor, images: Images) -> Tensor:
    """Shape one value per sample so that it broadcasts over the pixels."""
    return values.reshape(-1, *[1] * (images.ndim - 1))


def uniform(images: Images, generator: torch.Generator) -> Images:
    """Draw numbers in [0, 1) of the shape, type and device of the images.

    Drawn on the CPU and then moved, so that every device gets the same numbers.
    """
    return torch.rand(images.shape, generator=generator, dtype=images.dtype).to(images.device)


class AbstractBall(ABC):
    """Allowed images: within `eps` of the clean image in one norm, and within the box [0, 1].

    Clipping to the box cannot leave the ball, since the clean image lies in the box and every
    coordinate only moves towards it. So ball first, box second is the whole projection.
    """

    @abstractmethod
    def random_point(self, generator: torch.Generator) -> Images:
        """Draw a point uniformly in the ball, then clip it to [0, 1]."""

    @abstractmethod
    def random_extreme(self, generator: torch.Generator) -> Images:
        """Draw a point of the ball's corners or sphere, then clip it to [0, 1]."""

    @abstractmethod
    def step(self, images: Images, gradient: Images, step_size: float) -> Images:
        """Take a steepest ascent step of that length, projected; may overwrite `gradient`."""

    @abstractmethod
    def project(self, images: Images) -> Images:
        """Bring images back into the ball and the box."""

    @abstractmethod
    def at(self, index: Tensor) -> AbstractBall:
        """Select the balls of some of the samples."""


@final
class LinfBall(AbstractBall):
    """Images with every pixel within `eps` of the clean one."""

    def __init__(self, images: Images, eps: float) -> None:
        self._images, self._eps = images, eps
        self._low, self._high = (images - eps).clamp_(0, 1), (images + eps).clamp_(0, 1)

    def random_point(self, generator: torch.Generator) -> Images:
        return self.project(self._images + self._eps * (2 * uniform(self._images, generator) - 1))

    def random_extreme(self, generator: torch.Generator) -> Images:
        return torch.where(uniform(self._images, generator) < 0.5, self._low, self._high)

    def step(self, images: Images, gradient: Images, step_size: float) -> Images:
        return torch.add(images, gradient.sign_(), alpha=step_size).clamp_(self._low, self._high)

    def project(self, images: Images) -> Images:
        return torch.clamp(images, self._low, self._high)

    def at(self, index: Tensor) -> LinfBall:
        return LinfBall(self._images[index], self._eps)
