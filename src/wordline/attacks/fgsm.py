"""One step, as far as allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from ..typing import Images, Labels
from ..values import require_choice
from .attack import AbstractAttack
from .losses import LOSSES, UNTARGETED, Loss
from .norms import LinfBall, Norm, require_radius
from .objective import Model, Objective


@final
@dataclass(frozen=True)
class FGSM(AbstractAttack):
    """One step of eps in every pixel: x + eps sign(grad loss), clipped to [0, 1].

    The default loss is the margin, as for `PGD`: with cross-entropy a chip whose logits shrink
    looks more robust than it is (its gradient underflows for confident images). The papers' setting
    is `loss="cross-entropy"`. Deterministic for a deterministic model. Goodfellow et al. 2015
    (arXiv 1412.6572).

    >>> pixels_are_logits = torch.nn.Identity()
    >>> FGSM(eps=0.25)(pixels_are_logits, torch.tensor([[0.75, 0.5]]), torch.tensor([0]))
    tensor([[0.5000, 0.7500]])
    """

    eps: float
    loss: Loss = "margin"
    norm: ClassVar[Norm] = "linf"

    def __post_init__(self) -> None:
        require_radius("eps", self.eps)
        require_choice("loss", self.loss, LOSSES)

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        gradient, _, _ = Objective(model, UNTARGETED[self.loss], (labels,)).gradient(images)
        return LinfBall(images, self.eps).step(images, gradient, self.eps)
