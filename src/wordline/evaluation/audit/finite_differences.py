"""G3: does the gradient predict the change of the loss?"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ...attacks.losses import margin
from ...models.batches import predict
from ...seeds import stream_seed
from .audited_model import AuditedModel
from .check import AbstractCheck, Finding, Skip, fail_if
from .context import AuditContext
from .gradients import input_gradients

# Median; a kink of a ReLU inside the step costs a few percent, a wrong backward 100 and more.
LARGEST_ERROR = 0.3
DIRECTIONS = 4
# One grey level, and a quarter of eps: a declared gradient need only be right at one of them.
STEPS = (1 / 255, 0.25)


@final
class FiniteDifferences(AbstractCheck):
    """Raised if the median relative error between the gradient's prediction and a central
    difference of the margin exceeds 0.3, along random sign directions or along the software
    network's own gradient, at every step size tried.
    Because the gradient that attacks follow is then not that of the network: a wrong or noisy
    backward, or a surface so shattered that its slope says nothing. Not along the chip's own
    gradient, where zero would always pass. A loss that does not move at all counts as an error
    of 1 (Athalye et al. 2018; Pintor et al. 2022, arXiv 2106.09947).
    """

    id = "G3"
    title = "gradients equal finite differences"

    def run(self, context: AuditContext) -> Finding:
        chip, settings = frozen_chip(context), context.settings
        index = context.chip.right.nonzero().squeeze(1)[: context.budget.probes]
        if len(index) == 0:
            raise Skip("the chip classifies no image correctly")
        images, labels = settings.images[index], settings.labels[index]
        gradient = input_gradients(chip, images, labels, "margin").double()
        generator = torch.Generator().manual_seed(stream_seed(settings.seed, "directions"))
        random = [torch.randn(images.shape, generator=generator).sign() for _ in range(DIRECTIONS)]
        surrogate = input_gradients(context.software, images, labels, "margin")
        surrogate = surrogate.sign() if len(surrogate) else random[0]
        errors: dict[str, float] = {}
        for name, directions in (("random", random), ("surrogate", [surrogate])):
            by_step = [
                torch.cat([_errors(chip, images, labels, gradient, d, h) for d in directions])
                for h in (STEPS[0], STEPS[1] * context.eps)
            ]
            medians = torch.stack([found.median() for found in by_step])
            errors[f"median_error_{name}"] = float(medians.min())
        worst = max(errors.values())
        text = (
            f"median relative error {worst:.2f} against central differences ({len(index)} images)."
        )
        return fail_if(not worst <= LARGEST_ERROR, errors, text)


def frozen_chip(context: AuditContext) -> AuditedModel:
    """Return the chip, with its noise frozen if it has any."""
    if not context.chip.stochastic:
        return context.chip
    frozen = context.frozen()
    if frozen is None:
        raise Skip(
            "the chip is stochastic and has no `frozen(seed)`: differences would measure its noise"
        )
    return frozen


def _errors(
    chip: AuditedModel,
    images: Tensor,
    labels: Tensor,
    gradient: Tensor,
    direction: Tensor,
    step: float,
) -> Tensor:
    """Compute |measured - predicted| / max of both, per image.

    1 where nothing moves and nothing was predicted.
    """
    predicted = (gradient * direction).flatten(1).sum(1)
    size = chip.settings.batch_size
    up, down = (
        predict(chip.model, images + sign * step * direction, batch_size=size) for sign in (1, -1)
    )
    measured = (margin(up.double(), labels) - margin(down.double(), labels)) / (2 * step)
    largest = torch.maximum(measured.abs(), predicted.abs())
    errors = torch.where(largest > 0, (measured - predicted).abs() / largest, 1.0)
    return errors.nan_to_num(nan=2.0)
