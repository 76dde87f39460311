"""Training on the worst images that an attack finds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..attacks import PGD
from ..datasets import ImageSplit
from ..training import AbstractObjective
from ..typing import Images, Labels
from ..values import require_instance, require_number
from .validation import robust_accuracy


def training_attack(eps: float, steps: int, step_size: float | None = None) -> PGD:
    """Make the PGD of training: on the cross-entropy, last iterate, so k steps are k passes."""
    return PGD(eps=eps, steps=steps, step_size=step_size, loss="cross-entropy", keep="last")


@final
@dataclass(frozen=True)
class AdversarialTraining(AbstractObjective):
    """min_w mean max_{|d| <= eps} cross-entropy(f_w(x + d), y).

    The inner maximum is found by PGD on the network as it trains. The attack starts at random in a
    share `start_probability` of the batches, otherwise at the clean images, and is crafted in
    training mode, so batch norm uses, and averages, the statistics of the images being crafted. A
    step costs one pass forward and backward for each step of the attack, and one for the weights;
    with `keep="best"` one forward more. Judged by the share of validation images that withstand ten
    steps of PGD at the same eps.

    Sources: Madry et al. 2018 (arXiv 1706.06083); start and mode as in arXiv 2109.09060.

    >>> attack = training_attack(eps=8 / 255, steps=7, step_size=2 / 255)
    >>> AdversarialTraining(attack).attack.steps
    7
    """

    attack: PGD = field(default_factory=lambda: training_attack(8 / 255, 7, 2 / 255))
    start_probability: float = 0.9

    def __post_init__(self) -> None:
        require_instance("attack", self.attack, PGD)
        require_number("start_probability", self.start_probability, at_least=0.0, at_most=1.0)

    def loss(
        self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Tensor:
        at_random = bool(torch.rand((), generator=generator) < self.start_probability)
        adversarial = replace(self.attack, random_start=at_random)(
            model, images, labels, generator=generator
        )
        return functional.cross_entropy(model(adversarial), labels)

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        return robust_accuracy(model, split, self.attack.eps, self.attack.norm)
