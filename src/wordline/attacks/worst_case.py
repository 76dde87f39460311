"""Several attacks on one image count as one: the worst of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..typing import Images, Labels
from ..values import require_instance
from .attack import AbstractAttack
from .losses import margin
from .objective import Model
from .wrapped import AbstractWrappedAttack


@final
class BestImages:
    """The best candidate of each sample: the first misclassified, else that of largest margin."""

    def __init__(self, model: Model, images: Images, labels: Labels) -> None:
        self.images = images.clone()
        self._model, self._labels = model, labels
        self._margins: Tensor | None = None
        self._fooled = torch.zeros(len(images), dtype=torch.bool, device=images.device)

    def remaining(self) -> Tensor:
        """Return the indices of the samples that no candidate has fooled the model with."""
        return (~self._fooled).nonzero().squeeze(1)

    def update(self, index: Tensor, candidates: Images) -> None:
        """Judge one candidate for each sample at `index`, by one forward, and keep the better."""
        logits, labels = self._model(candidates), self._labels[index]
        values, fooled = margin(logits, labels), logits.argmax(1) != labels
        if self._margins is None:  # the clean image is no candidate: any candidate is better
            self._margins = values.new_full((len(self.images),), -torch.inf)
        wins = fooled | (values > self._margins[index])
        self.images[index[wins]], self._margins[index[wins]] = candidates[wins], values[wins]
        self._fooled[index] |= fooled


@final
@dataclass(frozen=True)
class WorstCase(AbstractWrappedAttack):
    """The result of the first attack that fools the model, else that of the largest margin.

    Each attack runs only on the images that no attack before it broke, so put cheap attacks first
    and query attacks last. An image that is misclassified from the start still goes through the
    first attack. The verdict is one forward of the model that is attacked; for a stochastic model
    it is one draw. All attacks must share the norm; `eps` is the largest of theirs.

    >>> from wordline.attacks import FGSM, PGD
    >>> attack = WorstCase((FGSM(eps=0.125), PGD(eps=0.25, steps=4, random_start=False)))
    >>> images = torch.tensor([[0.75, 0.625], [0.75, 0.5]])
    >>> attack(torch.nn.Identity(), images, torch.tensor([0, 0]))
    tensor([[0.6250, 0.7500],
            [0.5000, 0.7500]])
    """

    attacks: tuple[AbstractAttack, ...]

    def __post_init__(self) -> None:
        require_instance("attacks", self.attacks, tuple)
        if not self.attacks:
            raise ValueError("`attacks` must hold at least one attack, got ()")
        for attack in self.attacks:
            require_instance("attacks", attack, AbstractAttack)
        if len(norms := {attack.norm for attack in self.attacks}) > 1:
            raise ValueError(
                f"`attacks` must share one norm, got {' and '.join(sorted(norms))}; "
                "judge each norm alone"
            )

    @property
    def inner(self) -> tuple[AbstractAttack, ...]:
        return self.attacks

    def with_inner(self, change: Callable[[AbstractAttack], AbstractAttack]) -> WorstCase:
        return WorstCase(tuple(change(attack) for attack in self.attacks))

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        best = BestImages(model, images, labels)
        for attack in self.attacks:
            remaining = best.remaining()
            if len(remaining) == 0:
                break
            found = attack.perturb(model, images[remaining], labels[remaining], generator)
            best.update(remaining, found)
        return best.images
