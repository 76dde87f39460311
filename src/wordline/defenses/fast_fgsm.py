"""Adversarial training at the cost of two passes a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..attacks import PGD
from ..attacks.norms import require_radius
from ..datasets import ImageSplit
from ..training import AbstractObjective
from ..typing import Images, Labels
from .adversarial_training import training_attack
from .validation import robust_accuracy


@final
@dataclass(frozen=True)
class FastFGSM(AbstractObjective):
    """Cross-entropy after one step from a random start.

        d = clip(u + step sign(grad), -eps, eps),   u uniform in the ball

    `step`: its length; 0 stands for 1.25 eps. Crafted in training mode. Too long a training or too
    large a step ends in catastrophic overfitting: robust against one step, open to ten. So it is
    judged by ten steps of PGD on validation images, and the epoch before the fall is kept.

    Source: Wong et al. 2020 (arXiv 2001.03994).

    >>> FastFGSM(eps=0.04).attack.step_size
    0.05
    """

    eps: float
    step: float = 0.0

    def __post_init__(self) -> None:
        require_radius("eps", self.eps, above=0.0)
        require_radius("step", self.step)

    @property
    def attack(self) -> PGD:
        """The one step, as an attack."""
        return training_attack(self.eps, 1, self.step or min(1.0, 1.25 * self.eps))

    def loss(
        self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Tensor:
        adversarial = self.attack(model, images, labels, generator=generator)
        return functional.cross_entropy(model(adversarial), labels)

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        return robust_accuracy(model, split, self.eps)
