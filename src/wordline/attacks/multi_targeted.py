"""PGD towards each of the likeliest wrong classes in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import torch

from ..typing import Images, Labels
from ..values import require_instance, require_integer
from .attack import AbstractAttack
from .objective import Model, Objective
from .pgd import PGD
from .targeted import rank_wrong_classes
from .targeted_losses import TARGETED
from .worst_case import BestImages
from .wrapped import AbstractWrappedAttack


@final
@dataclass(frozen=True)
class MultiTargeted(AbstractWrappedAttack):
    """PGD aimed at the likeliest wrong class, then at the second, ... up to `targets` of them.

    Untargeted ascent follows the class that leads at the moment and can settle for the wrong one;
    on a linear model this attack is exact when `targets` covers all wrong classes. Per image the
    first result that is misclassified is kept, and the image costs nothing further; else the result
    of the largest margin. Classes are ranked by the logits of the clean image. Gowal et al. 2019
    (arXiv 1910.09338).

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
    def inner(self) -> tuple[AbstractAttack, ...]:
        return (self.attack,)

    def with_inner(self, change: Callable[[AbstractAttack], AbstractAttack]) -> MultiTargeted:
        return replace(self, attack=change(self.attack))  # type: ignore[arg-type]  # is checked

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        ranked = rank_wrong_classes(model(images), labels)
        best = BestImages(model, images, labels)
        for rank in range(min(self.targets, ranked.shape[1])):
            remaining = best.remaining()
            if len(remaining) == 0:
                break
            aim = (labels[remaining], ranked[remaining, rank])
            objective = Objective(model, TARGETED[self.attack.loss], aim, self.attack.eot)
            found = self.attack.maximise(objective, images[remaining], generator)
            best.update(remaining, found)
        return best.images
