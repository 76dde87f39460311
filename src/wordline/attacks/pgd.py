"""Many small steps, projected back each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch

from wordline.attacks.ascent import KEEPS, Keep, ascend, ascend_blindly, ascend_until_fooled, better
from wordline.attacks.attack import AbstractAttack
from wordline.attacks.losses import LOSSES, UNTARGETED, Loss
from wordline.attacks.norms import NORMS, AbstractBall, Norm, ball, require_radius
from wordline.attacks.objective import Model, Objective
from wordline.typing import Images, Labels
from wordline.values import require_choice, require_instance, require_integer


@final
@dataclass(frozen=True)
class PGD(AbstractAttack):
    """Projected gradient ascent: x <- P(x + step d), d = sign(g) for `linf`, g / ||g|| for `l2`, P onto ball
    and box.

    - `step_size`: in units of the norm; `None` stands for 2.5 eps / steps, which can cross the ball.
    - `loss`: the margin by default, whose direction does not depend on the scale of the logits. The papers'
      setting is `"cross-entropy"`.
    - `random_start`: the first start is drawn uniformly in the ball, clipped to [0, 1]; otherwise it is the
      clean image. Further `restarts` always start at random. The best restart by loss is kept per image.
    - `eot`: gradient and loss are means over that many forwards; for stochastic models.
    - `keep`: `"best"` is the iterate of highest mean loss among those after the first step, the last one
      included (one more forward); `"last"` the last. Neither ever is the clean image.
    - `early_stop`: an image stops at the first iterate (from the first step on) that the source
      misclassifies, by the mean logits over the `eot` draws, and is not computed further; it is kept whatever
      its loss. White-box evaluations of weak models become many times cheaper and throw no success away. Not
      for transfer or stochastic victims: there a barely wrong image is a weak one. An image that is already
      misclassified takes its first step like the others, so that even then the clean image never comes back.

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
        """To the end: a barely misclassified image is a weak one elsewhere."""
        return replace(self, early_stop=False)

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The climb towards any wrong class."""
        return self.climb(Objective(model, UNTARGETED[self.loss], (labels,), self.eot), images, generator)

    def climb(self, objective: Objective, images: Images, generator: torch.Generator) -> Images:
        """One ascent of `objective` for every restart, the best kept per image."""
        allowed = ball(self.norm, images, self.eps)
        if self.early_stop:
            return self._climb_until_fooled(objective, allowed, images, generator)
        start = self._start(allowed, images, generator, restart=0)
        steps, step_size, keep = self.steps, self.step_length(), self.keep
        if self.restarts == 1 and (keep == "last" or steps == 1):
            return ascend_blindly(objective, allowed, start, steps=steps, step_size=step_size)
        best = ascend(objective, allowed, start, steps=steps, step_size=step_size, keep=keep)
        for restart in range(1, self.restarts):
            start = self._start(allowed, images, generator, restart)
            best = better(best, ascend(objective, allowed, start, steps=steps, step_size=step_size, keep=keep))
        return best.images

    def step_length(self) -> float:
        """The length of one step: `step_size`, or 2.5 eps / steps."""
        return 2.5 * self.eps / self.steps if self.step_size is None else self.step_size

    def _climb_until_fooled(
        self, objective: Objective, allowed: AbstractBall, images: Images, generator: torch.Generator
    ) -> Images:
        steps, step_size, keep = self.steps, self.step_length(), self.keep
        start = self._start(allowed, images, generator, restart=0)
        best, fooled = ascend_until_fooled(objective, allowed, start, steps=steps, step_size=step_size, keep=keep)
        for restart in range(1, self.restarts):
            standing = (~fooled).nonzero().squeeze(1)
            if len(standing) == 0:
                break
            here = allowed.at(standing)
            start = self._start(here, images[standing], generator, restart)
            found, broken = ascend_until_fooled(
                objective.at(standing), here, start, steps=steps, step_size=step_size, keep=keep
            )
            wins = broken | (found.values > best.values[standing])
            best.images[standing[wins]], best.values[standing[wins]] = found.images[wins], found.values[wins]
            fooled[standing] = broken
        return best.images

    def _start(self, allowed: AbstractBall, images: Images, generator: torch.Generator, restart: int) -> Images:
        return allowed.random_point(generator) if self.random_start or restart > 0 else images
