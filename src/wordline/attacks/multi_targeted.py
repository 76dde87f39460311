"""PGD towards each of the likeliest wrong classes in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.losses import TARGETED
from wordline.attacks.norms import Norm
from wordline.attacks.objective import Model, Objective
from wordline.attacks.pgd import PGD
from wordline.attacks.worst_case import Worst
from wordline.typing import Images, Labels
from wordline.values import require_instance, require_integer


@final
@dataclass(frozen=True)
class MultiTargeted(AbstractAttack):
    """Runs `attack` with its loss aimed at the likeliest wrong class, then at the second, ... up to `targets` of them.

    Untargeted ascent follows whichever class leads at the moment and can settle for the wrong one; on a linear model
    this attack is exact when `targets` covers all wrong classes. Per image the first result that is misclassified
    is kept, and the image costs nothing further; else the result of the largest margin. Classes are ranked by the
    logits of the clean image. Gowal et al. 2019 (arXiv 1910.09338).

    >>> pixels_are_logits = torch.nn.Identity()
    >>> attack = MultiTargeted(PGD(eps=0.25, steps=4, random_start=False), targets=2)
    >>> attack(pixels_are_logits, torch.tensor([[0.75, 0.5, 0.25]]), torch.tensor([0]))
    tensor([[0.5000, 0.7500, 0.2500]])
    """

    attack: PGD
    targets: int = 9

    def __post_init__(self) -> None:
        require_instance("attack", self.attack, PGD)
        require_integer("targets", self.targets, at_least=1)

    @property
    def eps(self) -> float:  # type: ignore[override]  # read-only here: the inner attack has it
        """The radius of the inner attack."""
        return self.attack.eps

    @property
    def norm(self) -> Norm:  # type: ignore[override]
        """The norm of the inner attack."""
        return self.attack.norm

    def for_transfer(self) -> MultiTargeted:
        """Each run to its end."""
        return replace(self, attack=self.attack.for_transfer())

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """One run for every target, on the images still standing."""
        logits = model(images)
        ranked = logits.scatter(1, labels.unsqueeze(1), -torch.inf).argsort(dim=1, descending=True, stable=True)
        worst = Worst(model, images, labels)
        for rank in range(min(self.targets, logits.shape[1] - 1)):
            standing = worst.standing()
            if len(standing) == 0:
                break
            aim = (labels[standing], ranked[standing, rank])
            objective = Objective(model, TARGETED[self.attack.loss], aim, self.attack.eot)
            worst.offer(standing, self.attack.climb(objective, images[standing], generator))
        return worst.images
