"""Several attacks on one image count as one: the worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.losses import margin
from wordline.attacks.norms import Norm
from wordline.attacks.objective import Model
from wordline.typing import Images, Labels
from wordline.values import require_instance


@final
class Worst:
    """The worst image found so far for every sample: the first misclassified one, else the one of largest margin."""

    def __init__(self, model: Model, images: Images, labels: Labels) -> None:
        self.images = images.clone()
        self._model, self._labels = model, labels
        self._margins: Tensor | None = None
        self._fooled = torch.zeros(len(images), dtype=torch.bool, device=images.device)

    def standing(self) -> Tensor:
        """The places of the images that nothing offered has broken."""
        return (~self._fooled).nonzero().squeeze(1)

    def offer(self, places: Tensor, found: Images) -> None:
        """Candidates for the images at `places`; judged by one forward."""
        logits = self._model(found)
        values, fooled = margin(logits, self._labels[places]), logits.argmax(1) != self._labels[places]
        if self._margins is None:  # the clean image is no candidate: whatever comes first is worse
            self._margins = torch.full((len(self.images),), -torch.inf, dtype=values.dtype, device=values.device)
        wins = fooled | (values > self._margins[places])
        self.images[places[wins]], self._margins[places[wins]] = found[wins], values[wins]
        self._fooled[places] |= fooled


@final
@dataclass(frozen=True)
class WorstCase(AbstractAttack):
    """Per image the result of the first attack that makes the model misclassify it; else that of the largest margin.

    Each attack runs only on the images that every one before it left standing, so put cheap attacks first and query
    attacks last. An image that is misclassified from the start still goes through the first attack. The verdict is one
    forward of the model that is attacked; for a stochastic model it is one draw. All attacks must share the norm;
    `eps` is the largest of theirs.

    >>> from wordline.attacks import FGSM, PGD
    >>> attack = WorstCase((FGSM(eps=0.125), PGD(eps=0.25, steps=4, random_start=False)))
    >>> attack(torch.nn.Identity(), torch.tensor([[0.75, 0.625], [0.75, 0.5]]), torch.tensor([0, 0]))
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
            raise ValueError(f"`attacks` must share one norm, got {' and '.join(sorted(norms))}; judge each norm alone")

    @property
    def eps(self) -> float:  # type: ignore[override]  # read-only here: the inner attacks have it
        """The largest radius of the attacks."""
        return max(attack.eps for attack in self.attacks)

    @property
    def norm(self) -> Norm:  # type: ignore[override]
        """The norm that the attacks share."""
        return self.attacks[0].norm

    def for_transfer(self) -> WorstCase:
        """Every part as it makes images for other models."""
        return WorstCase(tuple(attack.for_transfer() for attack in self.attacks))

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The attacks one after the other, each on what still stands."""
        worst = Worst(model, images, labels)
        for attack in self.attacks:
            standing = worst.standing()
            if len(standing) == 0:
                break
            worst.offer(standing, attack.perturb(model, images[standing], labels[standing], generator))
        return worst.images
