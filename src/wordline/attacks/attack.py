"""The base of every attack: a frozen value, called with a model and a batch of images.

The checks of arguments stand here once, so that an attack itself is only its idea.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from ..typing import Images, Labels
from ..values import Value
from .norms import Norm, require_radius
from .objective import Model

Perturb = Callable[[Model, Tensor, Tensor, torch.Generator], Tensor]


class AbstractAttack(Value, ABC):
    """A way to move the images of a batch by at most `eps` in `norm` so that the model errs.

    A new attack is a frozen dataclass with `eps` and `norm` that implements `perturb`:

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Brighter(AbstractAttack):
    ...     eps: float
    ...     norm = "linf"
    ...     def perturb(self, model, images, labels, generator):
    ...         return (images + self.eps).clamp(0, 1)
    >>> images, labels = torch.tensor([[0.5, 0.9]]), torch.tensor([0])
    >>> Brighter(eps=0.25)(torch.nn.Identity(), images, labels)
    tensor([[0.7500, 1.0000]])
    """

    eps: float
    norm: Norm

    @abstractmethod
    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        """Attack a batch that has been checked; gradients are not being recorded.

        `model` is the caller's, wrapped so that its logits are checked; `generator` lives on the
        CPU.
        """

    def for_transfer(self) -> Self:
        """Return the attack as it makes images for other models, without early stopping."""
        return self

    # Plain `Tensor` on purpose: wrong shapes and dtypes are user mistakes, and are answered below
    # in words.
    def __call__(
        self,
        model: Model,
        images: Tensor,
        labels: Tensor,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Make adversarial images: same shape, dtype and device; in [0, 1]; a new tensor.

        `images` (n, ...) float in [0, 1]; `labels` (n,) integers. The mode of the model is kept as
        given, and neither its parameters nor their `.grad` are touched. Random numbers come from
        `generator` alone (on the CPU, so that every device gets the same ones); without one, a
        fresh generator seeded 0, so two such calls agree.

        Raises `ValueError` for images outside [0, 1], NaN, an empty batch, labels that do not fit
        in number, dtype or range, logits that are not (n, classes), and a model whose gradient is
        missing or not finite.
        """
        return self._guarded(self.perturb, model, images, labels, generator)

    def _guarded(
        self,
        perturb: Perturb,
        model: Model,
        images: Tensor,
        labels: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Check the batch, perturb it, and check the result."""
        require_radius("eps", self.eps, self.norm)  # a user's own attack may not have checked it
        check_batch(images, labels)
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        if generator.device.type != "cpu":
            raise ValueError(
                f"`generator` must live on the CPU, got {generator.device}; "
                "make it by torch.Generator()"
            )
        with torch.inference_mode(False), torch.no_grad():
            # Inference tensors cannot enter a graph, and what is returned must never be the
            # caller's own tensor.
            images = images.clone() if images.is_inference() else images.detach()
            labels = labels.to(torch.int64, copy=labels.is_inference())
            adversarial = perturb(checked(model, int(labels.max())), images, labels, generator)
            adversarial = adversarial.clone() if adversarial is images else adversarial
            valid = ((adversarial >= 0) & (adversarial <= 1)).flatten(1).all(1)  # NaN is not
        if not valid.all():
            raise ValueError(
                f"{type(self).__name__} left [0, 1] in {int((~valid).sum())} of {len(images)} "
                "images; its `perturb` must return images in [0, 1] without NaN"
            )
        return adversarial


def check_labels(name: str, labels: Tensor, images: Tensor) -> None:
    """Refuse labels that are not one class for each image."""
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"`{name}` must be a tensor, got {type(labels).__name__}; make it by torch.from_numpy"
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise ValueError(f"`{name}` must be integers, got {labels.dtype}; use {name}.long()")
    if tuple(labels.shape) != (len(images),):
        raise ValueError(
            f"`{name}` must have shape ({len(images)},), one per image, got {tuple(labels.shape)}"
        )
    if labels.device != images.device:
        raise ValueError(
            f"`{name}` are on {labels.device}, `images` on {images.device}; move both to one device"
        )
    if (smallest := int(labels.min())) < 0:
        raise ValueError(f"`{name}` must not be negative, got {smallest}")


def check_batch(images: Tensor, labels: Tensor) -> None:
    """Refuse images and labels that are no batch to attack."""
    if not isinstance(images, Tensor) or not isinstance(labels, Tensor):
        raise TypeError(
            f"`images` and `labels` must be tensors, got {type(images).__name__} and "
            f"{type(labels).__name__}; make them by torch.from_numpy"
        )
    if not images.is_floating_point():
        raise ValueError(
            f"`images` must be floating point in [0, 1], got {images.dtype}; divide bytes by 255"
        )
    if images.ndim < 2 or images.numel() == 0:
        raise ValueError(
            "`images` must be a batch (n, ...) of at least one image, "
            f"got shape {tuple(images.shape)}"
        )
    check_labels("labels", labels, images)
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError(
            f"`images` must lie in [0, 1] without NaN, got {float(images.min()):g} to "
            f"{float(images.max()):g}; put normalisation inside the model"
        )


def checked(model: Model, largest_label: int) -> Model:
    """Wrap the model so that it refuses logits that do not fit the batch.

    Only shapes are looked at, so nothing waits for the device.
    """

    def logits_of(images: Tensor) -> Tensor:
        logits = model(images)
        if not isinstance(logits, Tensor):
            raise TypeError(f"`model` must return a tensor of logits, got {type(logits).__name__}")
        if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
            raise ValueError(
                f"`model` must return logits of shape ({len(images)}, classes) with at least two "
                f"classes, got {tuple(logits.shape)}"
            )
        if largest_label >= logits.shape[1]:
            raise ValueError(
                f"`labels` hold class {largest_label}, but the model has only "
                f"{logits.shape[1]} logits"
            )
        return logits

    return logits_of
