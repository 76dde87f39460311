"""Where an attack may go: the ball of radius eps around the clean image, cut by the box [0, 1].

Clipping to the box cannot leave the ball, since the clean image is in the box: every coordinate only moves
towards it. So ball first, box second is the whole projection.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Final, Literal, final

import torch
from torch import Tensor

from wordline.typing import Images, PerSample
from wordline.values import require_number

Norm = Literal["linf", "l2"]
NORMS: Final = ("linf", "l2")


def require_radius(name: str, radius: float, norm: Norm = "linf", *, above: float = -1.0) -> None:
    """Refuse a radius that is no length, or one in `linf` above 1, which is farther than any pixel in [0, 1] can move.

    In `l2` every finite length is one: the box [0, 1]^d has the diagonal sqrt(d), and a larger ball is the whole box.

    >>> require_radius("eps", 8, "l2")
    >>> require_radius("eps", 8, "linf")
    Traceback (most recent call last):
        ...
    ValueError: `eps` must be at most 1, got 8: no pixel in [0, 1] moves farther in linf; write 8/255
    """
    require_number(name, radius, at_least=0.0 if above < 0 else -math.inf, above=above)
    if norm == "linf" and radius > 1:
        raise ValueError(
            f"`{name}` must be at most 1, got {radius:g}: no pixel in [0, 1] moves farther in linf; "
            f"write {radius:g}/255"
        )


class AbstractBall(ABC):
    """The allowed images around `images`: within `eps` in one norm, and within [0, 1]."""

    @abstractmethod
    def random_point(self, generator: torch.Generator) -> Images:
        """A point drawn uniformly in the ball, then clipped to [0, 1]."""

    @abstractmethod
    def random_extreme(self, generator: torch.Generator) -> Images:
        """A point drawn where the ball reaches farthest (a corner; the sphere), then clipped to [0, 1]."""

    @abstractmethod
    def step(self, images: Images, gradient: Images, step_size: float) -> Images:
        """One steepest ascent step of length `step_size`, back in the ball; may overwrite `gradient`."""

    @abstractmethod
    def project(self, images: Images) -> Images:
        """The images brought back into the ball and the box."""

    @abstractmethod
    def at(self, index: Tensor) -> AbstractBall:
        """The balls of a selection of the samples."""


@final
class LinfBall(AbstractBall):
    """Every pixel within `eps` of the clean one."""

    def __init__(self, images: Images, eps: float) -> None:
        self._images, self._eps = images, eps
        self._low, self._high = (images - eps).clamp_(0, 1), (images + eps).clamp_(0, 1)

    def random_point(self, generator: torch.Generator) -> Images:
        """Every pixel moves by eps (2u - 1), u uniform in [0, 1)."""
        return self.project(self._images + self._eps * (2 * _uniform(self._images, generator) - 1))

    def random_extreme(self, generator: torch.Generator) -> Images:
        """Every pixel moves by plus or minus eps."""
        return torch.where(_uniform(self._images, generator) < 0.5, self._low, self._high)

    def step(self, images: Images, gradient: Images, step_size: float) -> Images:
        """x + step sign(g), projected."""
        return torch.add(images, gradient.sign_(), alpha=step_size).clamp_(self._low, self._high)

    def project(self, images: Images) -> Images:
        """Clamped pixel by pixel."""
        return torch.clamp(images, self._low, self._high)

    def at(self, index: Tensor) -> LinfBall:
        """The balls of a selection of the samples."""
        return LinfBall(self._images[index], self._eps)


@final
class L2Ball(AbstractBall):
    """The Euclidean length of the change at most `eps`."""

    def __init__(self, images: Images, eps: float) -> None:
        self._images, self._eps = images, eps

    def random_point(self, generator: torch.Generator) -> Images:
        """A random direction, and a radius eps u^(1/d): the d-th root makes the density uniform."""
        pixels = self._images.flatten(1)
        radius = _uniform(pixels[:, 0], generator).pow(1 / pixels.shape[1])
        return self._away(generator, self._eps * per_sample(radius, self._images))

    def random_extreme(self, generator: torch.Generator) -> Images:
        """A random direction, and the full radius."""
        return self._away(generator, torch.full_like(self._images, self._eps))

    def step(self, images: Images, gradient: Images, step_size: float) -> Images:
        """x + step g / ||g||, projected."""
        return self.project(images + step_size * unit(gradient))

    def project(self, images: Images) -> Images:
        """The change scaled back to length eps where it is longer, then clipped to [0, 1]."""
        change = images - self._images
        length = _length(change).clamp_min(torch.finfo(change.dtype).tiny)
        return (self._images + change * (self._eps / length).clamp_max(1)).clamp_(0, 1)

    def at(self, index: Tensor) -> L2Ball:
        """The balls of a selection of the samples."""
        return L2Ball(self._images[index], self._eps)

    def _away(self, generator: torch.Generator, radius: Tensor) -> Images:
        normal = torch.randn(self._images.shape, generator=generator, dtype=self._images.dtype)
        return self.project(self._images + radius * unit(normal.to(self._images.device)))


def ball(norm: Norm, images: Images, eps: float) -> AbstractBall:
    """The ball of radius `eps` in `norm` around each image.

    >>> ball("linf", torch.tensor([[0.5, 0.95]]), 0.1).project(torch.tensor([[1.0, 1.0]]))
    tensor([[0.6000, 1.0000]])
    """
    return LinfBall(images, eps) if norm == "linf" else L2Ball(images, eps)


def distance(images: Images, others: Images, norm: Norm) -> PerSample:
    """How far apart two batches are, sample by sample.

    >>> distance(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), "linf"), distance(
    ...     torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), "l2")
    (tensor([4.]), tensor([5.]))
    """
    order = torch.inf if norm == "linf" else 2
    return torch.linalg.vector_norm((images - others).flatten(1), ord=order, dim=1)


def unit(vectors: Images) -> Images:
    """Every sample divided by its Euclidean length; zero stays zero.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    # A saturated loss has gradients of 1e-25, whose squares underflow in float32: scale by the largest entry
    # first.
    tiny = torch.finfo(vectors.dtype).tiny
    scaled = vectors / per_sample(vectors.flatten(1).abs().amax(1), vectors).clamp_min(tiny)
    return scaled / _length(scaled).clamp_min(tiny)


def _length(vectors: Images) -> Tensor:
    return per_sample(torch.linalg.vector_norm(vectors.flatten(1), dim=1), vectors)


def per_sample(values: Tensor, images: Images) -> Tensor:
    """One value per sample, shaped so that it broadcasts over the pixels."""
    return values.reshape(-1, *[1] * (images.ndim - 1))


def _uniform(images: Images, generator: torch.Generator) -> Images:
    # Drawn on the CPU and then moved, so that every device sees the same numbers.
    return torch.rand(images.shape, generator=generator, dtype=images.dtype).to(images.device)
