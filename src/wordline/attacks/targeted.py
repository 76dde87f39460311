"""PGD towards one wrong class: the k-th likeliest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.losses import TARGETED
from wordline.attacks.norms import Norm
from wordline.attacks.objective import Model, Objective
from wordline.attacks.pgd import PGD
from wordline.typing import Images, Labels
from wordline.values import require_instance, require_integer


@final
@dataclass(frozen=True)
class Targeted(AbstractAttack):
    """Runs `attack` with its loss aimed at the wrong class that is `rank`-th likeliest on the clean image (1 =
    runner-up).

    Ranks beyond the last wrong class mean the last. `MultiTargeted` visits several ranks and stops at the first
    success; this is one of them alone, for stochastic models, where a success is only known from draws the attack has
    not seen.

    >>> pixels_are_logits = torch.nn.Identity()
    >>> attack = Targeted(PGD(eps=0.5, steps=4, random_start=False), rank=2)
    >>> attack(pixels_are_logits, torch.tensor([[0.75, 0.5, 0.25]]), torch.tensor([0]))
    tensor([[0.2500, 0.5000, 0.7500]])
    """

    attack: PGD
    rank: int = 1

    def __post_init__(self) -> None:
        require_instance("attack", self.attack, PGD)
        require_integer("rank", self.rank, at_least=1)

    @property
    def eps(self) -> float:  # type: ignore[override]  # read-only here: the inner attack has it
        """The radius of the inner attack."""
        return self.attack.eps

    @property
    def norm(self) -> Norm:  # type: ignore[override]
        """The norm of the inner attack."""
        return self.attack.norm

    def for_transfer(self) -> Targeted:
        """To the end."""
        return replace(self, attack=self.attack.for_transfer())

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """One climb towards the class of that rank."""
        logits = model(images)
        ranked = logits.scatter(1, labels.unsqueeze(1), -torch.inf).argsort(dim=1, descending=True, stable=True)
        aims = ranked[:, min(self.rank, logits.shape[1] - 1) - 1]
        objective = Objective(model, TARGETED[self.attack.loss], (labels, aims), self.attack.eot)
        return self.attack.climb(objective, images, generator)
