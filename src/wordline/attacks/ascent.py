"""Projected ascent: the loop that PGD runs once for every restart.

The iterates are x_1 ... x_steps. The start, which may be the clean image, is not one of them. The loss of x_k
comes free with the gradient at x_k; the one of the last iterate costs one more forward.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch

from wordline.attacks.norms import AbstractBall, per_sample
from wordline.attacks.objective import Objective
from wordline.typing import Images, Mask, PerSample

Keep = Literal["best", "last"]
KEEPS: Final = ("best", "last")


class Scored(NamedTuple):
    """Images and the mean loss of each."""

    images: Images
    values: PerSample


def better(one: Scored, other: Scored) -> Scored:
    """Per sample the images of higher loss; the first where the losses are equal, or the other's is NaN."""
    wins = other.values > one.values
    images = torch.where(per_sample(wins, one.images), other.images, one.images)
    return Scored(images, torch.where(wins, other.values, one.values))


def ascend(
    objective: Objective, ball: AbstractBall, start: Images, *, steps: int, step_size: float, keep: Keep
) -> Scored:
    """`steps` steps from `start`; the iterate kept, and its loss."""
    images, kept = start, None
    for number in range(steps):
        gradient, values, _ = objective.gradient(images)
        if keep == "best" and number > 0:
            here = Scored(images, values)
            kept = here if kept is None else better(kept, here)
        images = ball.step(images, gradient, step_size)
    here = Scored(images, objective.values(images)[0])
    return here if kept is None else better(kept, here)


def ascend_blindly(objective: Objective, ball: AbstractBall, start: Images, *, steps: int, step_size: float) -> Images:
    """The last iterate, whose loss nobody asks for: one forward less."""
    images = start
    for _ in range(steps):
        gradient, _, _ = objective.gradient(images)
        images = ball.step(images, gradient, step_size)
    return images


def ascend_until_fooled(
    objective: Objective, ball: AbstractBall, start: Images, *, steps: int, step_size: float, keep: Keep
) -> tuple[Scored, Mask]:
    """`ascend`, where an image stops at its first misclassified iterate and costs nothing from there on.

    Also returns which images are misclassified; those are kept whatever their loss.
    """
    images = start
    gradient, _, _ = objective.gradient(images)  # at the start, where nothing is judged
    moving = torch.arange(len(start), device=start.device)  # the places in the batch of the images still moving
    result, result_values = torch.empty_like(start), torch.empty_like(start.flatten(1)[:, 0])
    success = torch.zeros(len(start), dtype=torch.bool, device=start.device)
    kept = None
    for number in range(1, steps + 1):
        images = ball.step(images, gradient, step_size)
        if number < steps:
            gradient, values, logits = objective.gradient(images)
        else:
            values, logits = objective.values(images)
        here, fooled = Scored(images, values), objective.fooled(logits)
        kept = here if kept is None or keep == "last" else better(kept, here)

        done = fooled if number < steps else torch.ones_like(fooled)
        if not done.any():
            continue
        places = moving[done]
        result[places] = torch.where(per_sample(fooled, images), images, kept.images)[done]
        result_values[places] = torch.where(fooled, values, kept.values)[done].to(result_values.dtype)
        success[places] = fooled[done]
        if done.all():
            break
        rest = ~done
        moving, images, gradient = moving[rest], images[rest], gradient[rest]
        kept = Scored(kept.images[rest], kept.values[rest])
        objective, ball = objective.at(rest), ball.at(rest)
    return Scored(result, result_values), success
