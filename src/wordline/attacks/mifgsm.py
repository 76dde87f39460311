"""Sign steps along a running mean of gradients, which transfer better than along the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from ..typing import Images, Labels
from ..values import require_choice, require_integer, require_number
from .attack import AbstractAttack
from .losses import LOSSES, UNTARGETED, Loss
from .norms import LinfBall, Norm, per_sample, require_radius
from .objective import Model, Objective


@final
@dataclass(frozen=True)
class MIFGSM(AbstractAttack):
    """Momentum FGSM: v <- decay v + g / mean|g|, x <- P(x + step sign(v)), from the clean image.

    The last iterate is returned. `step_size=None` stands for eps / steps, the authors' choice;
    `decay` = 0 is PGD without random start, `decay` = 1 sums all gradients seen. `eot` averages the
    gradient over that many forwards. Deterministic for a deterministic model. Dong et al. 2018
    (arXiv 1710.06081), where the gradient is divided by its sum instead of its mean: the same
    images, since only the sign of v counts.

    >>> pixels_are_logits = torch.nn.Identity()
    >>> attack = MIFGSM(eps=0.25, steps=4)
    >>> attack(pixels_are_logits, torch.tensor([[0.75, 0.5]]), torch.tensor([0]))
    tensor([[0.5000, 0.7500]])
    """

    eps: float
    steps: int = 10
    step_size: float | None = None
    decay: float = 1.0
    loss: Loss = "margin"
    eot: int = 1
    norm: ClassVar[Norm] = "linf"

    def __post_init__(self) -> None:
        require_radius("eps", self.eps)
        require_integer("steps", self.steps, at_least=1)
        if self.step_size is not None:
            require_radius("step_size", self.step_size, self.norm, above=0.0)
        require_number("decay", self.decay, at_least=0)
        require_choice("loss", self.loss, LOSSES)
        require_integer("eot", self.eot, at_least=1)

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        objective = Objective(model, UNTARGETED[self.loss], (labels,), self.eot)
        allowed = LinfBall(images, self.eps)
        step_size = self.eps / self.steps if self.step_size is None else self.step_size
        moved, velocity = images, torch.zeros_like(images)
        for _ in range(self.steps):
            gradient, _, _ = objective.gradient(moved)
            tiny = torch.finfo(gradient.dtype).tiny
            size = gradient.flatten(1).abs().mean(1).clamp_min(tiny)
            velocity = self.decay * velocity + gradient / per_sample(size, gradient)
            moved = allowed.step(moved, velocity.clone(), step_size)  # may overwrite its gradient
        return moved
