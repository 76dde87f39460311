"""Many small steps, projected back each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch

from ..typing import Images, Labels
from ..values import require_choice, require_instance, require_integer
from .ascent import KEEPS, Ascent, Keep, ascend
from .attack import AbstractAttack
from .balls import ball
from .losses import LOSSES, UNTARGETED, Loss
from .norms import NORMS, AbstractBall, Norm, require_radius
from .objective import Model, Objective


@final
@dataclass(frozen=True)
class PGD(AbstractAttack):
    """Projected gradient ascent: x <- P(x + step d), P onto ball and box.

    d = sign(g) for `linf`, g / ||g|| for `l2`.

    - `step_size`: in units of the norm; `None` stands for 2.5 eps / steps, which can cross the
      ball.
    - `loss`: the margin by default, whose direction does not depend on the scale of the logits. The
      papers' setting is `"cross-entropy"`.
    - `random_start`: the first start is drawn uniformly in the ball, clipped to [0, 1]; otherwise
      it is the clean image. Further `restarts` always start at random. The best restart by loss is
      kept per image.
    - `eot`: gradient and loss are means over that many forwards; for stochastic models.
    - `keep`: `"best"` is the iterate of highest mean loss among those after the first step, the
      last one included (one more forward); `"last"` the last. Neither ever is the clean image.
    - `early_stop`: an image stops at the first iterate (from the first step on) that the source
      misclassifies, by the mean logits over the `eot` draws, and is not computed further; it is
      kept whatever its loss. With `keep="best"` and `eot=1` it also stops where it goes back and
      forth between two iterates. White-box evaluations of weak models become many times cheaper and
      throw no success away. Not for transfer or stochastic victims: there a barely wrong image is a
      weak one. An image that is already misclassified takes its first step like the others, so that
      even then the clean image never comes back.

    Madry et al. 2018 (arXiv 1706.06083).

    >>> pixels_are_logits = torch.nn.Identity()
    >>> attack = PGD(eps=0.25, steps=4, step_size=0.125, random_start=False)
    >>> attack(pixels_are_logits, torch.tensor([[0.75, 0.5]]), torch.tensor([0]))
    tensor([[0.5000, 0.7500]])
    """

    eps: float
    steps: int = 10
    step_size: float | None = None
    loss: Loss = "margin"
    norm: Norm = "linf"
    random_start: bool = True
    restarts: int = 1
    eot: int = 1
    keep: Keep = "best"
    early_stop: bool = False

    def __post_init__(self) -> None:
        require_integer("steps", self.steps, at_least=1)
        if self.step_size is not None:
            require_radius("step_size", self.step_size, self.norm, above=0.0)
        require_choice("loss", self.loss, LOSSES)
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)
        require_instance("random_start", self.random_start, bool)
        require_integer("restarts", self.restarts, at_least=1)
        require_integer("eot", self.eot, at_least=1)
        require_choice("keep", self.keep, KEEPS)
        require_instance("early_stop", self.early_stop, bool)

    def for_transfer(self) -> PGD:
        return replace(self, early_stop=False)  # a barely misclassified image is weak elsewhere

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        objective = Objective(model, UNTARGETED[self.loss], (labels,), self.eot)
        return self.maximise(objective, images, generator)

    def from_start(self, model: Model, images: Images, labels: Labels, start: Images) -> Images:
        """Attack from a given start of each image, once; otherwise as a call of the attack."""

        def perturb(
            model: Model, images: Images, labels: Labels, generator: torch.Generator
        ) -> Images:
            objective = Objective(model, UNTARGETED[self.loss], (labels,), self.eot)
            return self._ascend(objective, ball(self.norm, images, self.eps), start).images

        return self._guarded(perturb, model, images, labels, None)

    def step_length(self) -> float:
        """Return the length of one step: `step_size`, or 2.5 eps / steps."""
        return 2.5 * self.eps / self.steps if self.step_size is None else self.step_size

    def maximise(self, objective: Objective, images: Images, generator: torch.Generator) -> Images:
        """Ascend `objective` once for every restart; keep the best image of each sample."""
        allowed = ball(self.norm, images, self.eps)
        start = allowed.random_point(generator) if self.random_start else images
        best = self._ascend(objective, allowed, start)
        for _ in range(1, self.restarts):
            remaining = (~best.fooled).nonzero().squeeze(1)
            if len(remaining) == 0:
                break
            here = allowed.at(remaining)
            start = here.random_point(generator)
            best.update(remaining, self._ascend(objective.at(remaining), here, start))
        return best.images

    def _ascend(self, objective: Objective, allowed: AbstractBall, start: Images) -> Ascent:
        compared = self.restarts > 1 or (self.keep == "best" and self.steps > 1)
        return ascend(
            objective,
            allowed,
            start,
            steps=self.steps,
            step_size=self.step_length(),
            keep=self.keep,
            stop=self.early_stop,
            judge=compared or self.early_stop,
        )
