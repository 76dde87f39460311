"""Projected ascent: the loop that PGD runs once for every restart.

The iterates are x_1 ... x_steps. The start, which may be the clean image, is not one of them. The
loss of x_k comes free with the gradient at x_k; that of the last iterate costs one more forward.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from ..typing import Images, Mask, PerSample
from .norms import AbstractBall, per_sample
from .objective import Objective

Keep = Literal["best", "last"]
KEEPS: Final = ("best", "last")


class Ascent(NamedTuple):
    """The images found, the mean loss of each, and which of them `stop` saw misclassified."""

    images: Images
    values: PerSample
    fooled: Mask

    def update(self, index: Tensor, other: Ascent) -> None:
        """Take over the samples at `index` that `other` fools, or whose loss it raises."""
        wins = other.fooled | (other.values > self.values[index])
        self.images[index[wins]], self.values[index[wins]] = other.images[wins], other.values[wins]
        self.fooled[index] |= other.fooled


def ascend(
    objective: Objective,
    ball: AbstractBall,
    start: Images,
    *,
    steps: int,
    step_size: float,
    keep: Keep,
    stop: bool = False,
    judge: bool = True,
) -> Ascent:
    """Take steps from `start`; return one iterate of each image and its loss.

    `keep`: the iterate of highest loss (the earliest of equal ones), or the last. `stop`: an image
    stops at its first misclassified iterate, which is kept whatever its loss, and costs nothing
    from there on. So does one whose next iterate would be the last but one again, where the best
    is kept and the model is taken to repeat itself (no EOT): pixels at the border of the ball go
    in and out for ever, and nothing new would be seen. `judge=False`: the last iterate without its
    loss (NaN), one forward cheaper.
    """
    found = Ascent(
        torch.empty_like(start),
        torch.full_like(start.flatten(1)[:, 0], torch.nan),
        torch.zeros(len(start), dtype=torch.bool, device=start.device),
    )
    moving = torch.arange(len(start), device=start.device)  # the samples that still move
    gradient = objective.gradient(start)[0]  # at the start, where nothing is judged
    before, images = start, ball.step(start, gradient, step_size)
    best, best_values = images, found.values
    for number in range(1, steps + 1):
        if number < steps:
            gradient, values, logits = objective.gradient(images)
            following = ball.step(images, gradient, step_size)
        elif judge:
            values, logits = objective.values(images)
            following = images
        else:
            return found._replace(images=images)
        if keep == "last" or number == 1:
            best, best_values = images, values
        else:
            wins = values > best_values
            best = torch.where(per_sample(wins, images), images, best)
            best_values = torch.where(wins, values, best_values)
        if stop:
            fooled = objective.fooled(logits)
            done = fooled if number < steps else torch.ones_like(fooled)
            if keep == "best" and objective.repeats and number > 1:
                done = done | (following == before).flatten(1).all(1)
            index = moving[done]
            found.images[index] = torch.where(per_sample(fooled, images), images, best)[done]
            kept = torch.where(fooled, values, best_values)[done]
            found.values[index] = kept.to(found.values.dtype)
            found.fooled[index] = fooled[done]
            if done.all():
                break
            if done.any():
                rest = ~done
                moving, images, following = moving[rest], images[rest], following[rest]
                best, best_values = best[rest], best_values[rest]
                objective, ball = objective.at(rest), ball.at(rest)
        before, images = images, following
    return found if stop else Ascent(best, best_values, found.fooled)
