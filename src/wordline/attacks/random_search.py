"""Random images of the ball, without a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from ..typing import Images, Labels
from ..values import require_choice, require_integer
from .attack import AbstractAttack
from .balls import ball
from .norms import NORMS, Norm, require_radius
from .objective import Model
from .worst_case import BestImages


@final
@dataclass(frozen=True)
class RandomSearch(AbstractAttack):
    """`draws` random images in the ball, half of them uniform in it, half as far out as it goes.

    Per image the first that is misclassified is kept, else the one of largest margin. Weak on
    purpose: where it breaks images that gradient attacks do not, the gradients are masked (Carlini
    et al. 2019, arXiv 1902.06705).

    >>> attack = RandomSearch(eps=0.25, draws=20)
    >>> attack(torch.nn.Identity(), torch.tensor([[0.75, 0.5]]), torch.tensor([0])).argmax(1)
    tensor([1])
    """

    eps: float
    draws: int = 100
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        require_integer("draws", self.draws, at_least=1)
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        allowed = ball(self.norm, images, self.eps)
        best = BestImages(model, images, labels)
        for draw in range(self.draws):
            remaining = best.remaining()
            if len(remaining) == 0:
                break
            here = allowed.at(remaining)
            candidates = here.random_extreme if draw % 2 else here.random_point
            best.update(remaining, candidates(generator))
        return best.images
