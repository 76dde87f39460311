"""G3: does the gradient predict what the loss does?"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ...attacks.losses import margin
from ...seeds import stream_seed
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, raised_if
from .gradients import input_gradients
from .subject import Subject

LARGEST_ERROR = 0.3  # median; a kink of a ReLU inside the step costs a few percent, a wrong backward 100 and more
DIRECTIONS = 4
STEPS = (1 / 255, 0.25)  # one grey level, and a quarter of eps: a declared gradient need only be right at one of them


@final
class FiniteDifferences(AbstractCheck):
    """Raised if the median relative error between the gradient's prediction and a central difference of the margin
    exceeds 0.3, along random sign directions or along the software network's own gradient, at every step size tried.
    Because the gradient that attacks follow is then not that of the network: a wrong or noisy backward, or a surface
    so shattered that its slope says nothing. Not along the chip's own gradient, where zero would pass trivially. A
    loss that does not move at all counts as an error of 1 (Athalye et al. 2018; Pintor et al. 2022, arXiv
    2106.09947).
    """

    id = "G3"
    title = "gradients equal finite differences"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip = probed(bench)
        places = bench.chip.right.nonzero().squeeze(1)[: bench.budget.probes]
        if len(places) == 0:
            raise Skip("the chip classifies no image correctly")
        images, labels = bench.conditions.images[places], bench.conditions.labels[places]
        gradient = input_gradients(chip, images, labels, "margin").double()
        generator = torch.Generator().manual_seed(stream_seed(bench.conditions.seed, "directions"))
        random = [torch.randn(images.shape, generator=generator).sign() for _ in range(DIRECTIONS)]
        surrogate = input_gradients(bench.software, images, labels, "margin")
        surrogate = surrogate.sign() if len(surrogate) else random[0]
        errors: dict[str, float] = {}
        for name, directions in (("random", random), ("surrogate", [surrogate])):
            by_step = [
                torch.cat([_errors(chip, images, labels, gradient, d, h) for d in directions]).median()
                for h in (STEPS[0], STEPS[1] * bench.eps)
            ]
            errors[f"median_error_{name}"] = float(torch.stack(by_step).min())
        worst = max(errors.values())
        text = f"median relative error {worst:.2f} against central differences ({len(places)} images)."
        return raised_if(not worst <= LARGEST_ERROR, errors, text)


def probed(bench: Bench) -> Subject:
    """The chip, with its noise frozen where it has any."""
    if not bench.chip.stochastic:
        return bench.chip
    frozen = bench.frozen()
    if frozen is None:
        raise Skip("the chip is stochastic and has no `frozen(seed)`: differences would measure its noise")
    return frozen


def _errors(chip: Subject, images: Tensor, labels: Tensor, gradient: Tensor, direction: Tensor, step: float) -> Tensor:
    """|measured - predicted| / max of both, per image; 1 where nothing moves and nothing was predicted."""
    predicted = (gradient * direction).flatten(1).sum(1)
    up, down = (_margins(chip, images + sign * step * direction, labels) for sign in (1, -1))
    measured = (up - down) / (2 * step)
    size = torch.maximum(measured.abs(), predicted.abs())
    return torch.where(size > 0, (measured - predicted).abs() / size, 1.0).nan_to_num(nan=2.0)


def _margins(chip: Subject, images: Tensor, labels: Tensor) -> Tensor:
    size = chip.conditions.batch_size
    with torch.no_grad():
        return torch.cat(
            [
                margin(chip.model(chip.given(images[s : s + size])).cpu().double(), labels[s : s + size])
                for s in range(0, len(labels), size)
            ]
        )
