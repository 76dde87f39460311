"""V1, V2: are the adversarial images valid, and does epsilon 0 change nothing?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import final

import torch

from .check import AbstractCheck, Finding, fail_if, percent
from .context import AuditContext

ROUNDING = 1e-6  # of the radius in float32: x + eps - x is not eps
REMEASURED = 0.005  # share of images at a border that may change by rounding in another batch
STANDARD_ERRORS = 2.0  # about 95 %


@final
class ValidImages(AbstractCheck):
    """Raised if an adversarial image lies farther than eps from its clean image, outside [0, 1] or
    holds NaN, or if the accuracy on the same images, measured again in another order, differs by
    more than 0.5 %.
    Because an attack that breaks its own rules says nothing, and neither does a network whose
    answer to an image depends on what else is in the batch (Carlini et al. 2019, arXiv 1902.06705,
    section 4).
    """

    id = "V1"
    title = "images valid"

    def run(self, context: AuditContext) -> Finding:
        found = context.base_result(context.chip)
        images = found.images
        valid = (images >= 0) & (images <= 1)  # NaN is outside, too
        outside = int((~valid).flatten(1).any(1).sum())
        backwards = torch.arange(context.images - 1, -1, -1)
        again = context.chip.correct(images[backwards], backwards).double().mean(0).flip(0)
        again = torch.minimum(again, context.chip.clean)
        gap = abs(float(again.mean()) - found.accuracy)
        spread = (
            STANDARD_ERRORS * _standard_error(again)
            if context.chip.stochastic
            else max(REMEASURED, 1 / context.images)
        )
        far = found.largest > context.eps * (1 + ROUNDING) + ROUNDING
        figures = {
            "largest_change": found.largest,
            "outside": outside,
            "remeasured_difference": gap,
        }
        change = f"largest change {found.largest:.4g} of {context.eps:.4g}"
        text = f"{change}; accuracy measured again differs by {percent(gap)}."
        return fail_if(far or outside > 0 or gap > spread, figures, text)


@final
class SameAtZero(AbstractCheck):
    """Raised if the accuracy under the base attack at eps = 0 differs from clean accuracy by more
    than two standard errors (not at all, for a chip that repeats itself).
    Because an attack that may not move an image cannot change the answer: a difference is a fault
    of the harness, or a network that remembers what it was asked (Carlini et al. 2019, arXiv
    1902.06705, section 4).
    """

    id = "V2"
    title = "no change at eps 0"

    def run(self, context: AuditContext) -> Finding:
        chip = context.chip
        nothing = replace(context.base, eps=0.0, steps=1, random_start=False)
        images = context.settings.images
        everything = torch.arange(context.images)
        crafted = chip.craft(chip.adapted(nothing), everything, "zero", chip.model)
        share = chip.correct(crafted).double().mean(0)
        gap = abs(float(share.mean()) - float(chip.clean.mean()))
        allowed = (
            STANDARD_ERRORS * math.sqrt(2) * _standard_error(share) if chip.stochastic else 0.0
        )
        moved = float((crafted.to(images.dtype) - images).abs().max())
        figures = {"difference": gap, "allowed": allowed, "largest_change": moved}
        return fail_if(
            gap > allowed, figures, f"at eps 0 accuracy differs from CA by {percent(gap)}."
        )


def _standard_error(share: torch.Tensor) -> float:
    """Estimate that of a mean over images, each correct with its own probability."""
    return math.sqrt(float((share * (1 - share)).sum())) / len(share) + 1 / len(share)
