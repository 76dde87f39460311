"""Many small steps along one gradient: what PGD becomes if its gradient is never taken anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from ..typing import Images, Labels
from ..values import require_choice, require_integer
from .attack import AbstractAttack
from .losses import LOSSES, UNTARGETED, Loss
from .norms import LinfBall, Norm, require_radius
from .objective import Model, Objective


@final
@dataclass(frozen=True)
class RepeatedFGSM(AbstractAttack):
    """Sign steps whose gradient is taken at the clean image: x <- P(x + step sign(grad loss(x0))).

    Of a deterministic model this is one step of min(eps, steps * step_size): FGSM at that radius.
    Of a stochastic one (read noise) every step draws anew. Not a strong attack, and no measure of
    robustness: code that goes by the name of PGD can be this one, where the gradient of the clean
    batch is kept through the loop, and this value shows what such code prints. `step_size=None`
    stands for 2.5 eps / steps, as in `PGD`. FGSM: Goodfellow et al. 2015 (arXiv 1412.6572).

    >>> pixels_are_logits = torch.nn.Identity()
    >>> attack = RepeatedFGSM(eps=0.5, steps=2, step_size=0.125)
    >>> attack(pixels_are_logits, torch.tensor([[0.75, 0.5]]), torch.tensor([0]))
    tensor([[0.5000, 0.7500]])
    """

    eps: float
    steps: int = 10
    step_size: float | None = None
    loss: Loss = "margin"
    norm: ClassVar[Norm] = "linf"

    def __post_init__(self) -> None:
        require_radius("eps", self.eps)
        require_integer("steps", self.steps, at_least=1)
        if self.step_size is not None:
            require_radius("step_size", self.step_size, self.norm, above=0.0)
        require_choice("loss", self.loss, LOSSES)

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        objective = Objective(model, UNTARGETED[self.loss], (labels,))
        allowed, moved = LinfBall(images, self.eps), images
        step_size = 2.5 * self.eps / self.steps if self.step_size is None else self.step_size
        for _ in range(self.steps):
            moved = allowed.step(moved, objective.gradient(images)[0], step_size)
        return moved
