"""Sign steps along a running mean of gradients, which transfer better than those along the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.losses import LOSSES, UNTARGETED, Loss
from wordline.attacks.norms import LinfBall, Norm, per_sample, require_radius
from wordline.attacks.objective import Model, Objective
from wordline.typing import Images, Labels
from wordline.values import require_choice, require_integer, require_number


@final
@dataclass(frozen=True)
class MIFGSM(AbstractAttack):
    """Momentum FGSM: v <- decay v + g / mean|g|, x <- P(x + step sign(v)), from the clean image; the last iterate.

    `step_size=None` stands for eps / steps, the authors' choice; `decay` = 0 is PGD without random start, `decay` = 1
    sums all gradients seen. `eot` averages the gradient over that many forwards. Deterministic for a deterministic
    model. Dong et al. 2018 (arXiv 1710.06081), where the gradient is divided by its sum instead of its mean: the same
    images, since only the sign of v counts.

    >>> pixels_are_logits = torch.nn.Identity()
    >>> MIFGSM(eps=0.25, steps=4)(pixels_are_logits, torch.tensor([[0.75, 0.5]]), torch.tensor([0]))
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

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The plain loop."""
        objective, allowed = Objective(model, UNTARGETED[self.loss], (labels,), self.eot), LinfBall(images, self.eps)
        step_size = self.eps / self.steps if self.step_size is None else self.step_size
        moved, velocity = images, torch.zeros_like(images)
        for _ in range(self.steps):
            gradient, _, _ = objective.gradient(moved)
            size = gradient.flatten(1).abs().mean(1).clamp_min(torch.finfo(gradient.dtype).tiny)
            velocity = self.decay * velocity + gradient / per_sample(size, gradient)
            moved = allowed.step(moved, velocity.clone(), step_size)  # a step may overwrite what it is given
        return moved
