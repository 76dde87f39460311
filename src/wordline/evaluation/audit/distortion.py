"""E1, E2: does a larger epsilon break more, and an unbounded one everything?"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import final

import torch

from .audited_model import AttackResult
from .check import AbstractCheck, Finding, fail_if, percent
from .context import AuditContext
from .statistics import Paired

RISE = 0.01  # of all images (docs/evaluation.md)
FACTORS = (0.5, 1.0, 2.0, 4.0)  # times eps, as far as they stay below the unbounded radius
UNBOUNDED = 0.5  # Linf: every image can be made grey, so nothing of it need remain
STANDARD_ERRORS = 2.0


@final
class MonotoneInEpsilon(AbstractCheck):
    """Raised if the accuracy under the base attack rises by more than 1 % from one radius to a
    larger one.
    Because an attack that may move farther may also move less: a rise is the attack's failure, and
    robustness measured at the larger radius is not there (Athalye et al. 2018, arXiv 1802.00420,
    section 3.1; Carlini et al. 2019).
    """

    id = "E1"
    title = "accuracy falls with eps"

    def run(self, context: AuditContext) -> Finding:
        radii = [
            context.eps * factor
            for factor in FACTORS
            if context.eps * factor < UNBOUNDED or factor <= 1
        ]
        found = [_at(context, eps) for eps in radii]
        pairs = [Paired.of(far.share, near.share) for near, far in itertools.pairwise(found)]
        figures = {
            f"accuracy_at_{eps:.4g}": run.accuracy for eps, run in zip(radii, found, strict=True)
        }
        rise = max(pair.difference for pair in pairs)
        figures["largest_rise"] = rise
        over = ", ".join(f"{eps:.3g}" for eps in radii)
        text = f"largest rise {percent(max(0.0, rise))} over eps {over}."
        return fail_if(any(pair.exceeds(RISE) for pair in pairs), figures, text)


@final
class UnboundedWins(AbstractCheck):
    """Raised if more images than chance and two standard errors survive the base attack at Linf
    0.5.
    Because every image can then be made uniformly grey, so only an attack without a usable gradient
    can fail; chance is the share of the commonest label (Athalye et al. 2018, arXiv 1802.00420,
    section 3.1; Carlini et al. 2019).
    """

    id = "E2"
    title = "an unbounded attack wins"

    def run(self, context: AuditContext) -> Finding:
        far = _at(context, UNBOUNDED)
        commonest = int(torch.bincount(context.settings.labels).max()) / context.images
        chance = max(commonest, 1 / context.classes)
        limit = chance + STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / context.images)
        figures = {"accuracy": far.accuracy, "chance": chance, "limit": limit}
        text = f"RA {percent(far.accuracy)} at Linf 0.5; chance {percent(chance)}."
        return fail_if(far.accuracy > limit, figures, text)


def _at(context: AuditContext, eps: float) -> AttackResult:
    """Run the base attack at another radius, from the same start; its steps cross the ball."""
    if eps == context.eps:
        return context.base_result(context.chip)
    chip = context.chip
    return chip.attack(replace(context.base, eps=eps), on=chip.right, stream="base/0", counts=False)
