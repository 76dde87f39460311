"""A6, A7: does another loss find more, and did the attack throw a success away?"""

from __future__ import annotations

from typing import final

import torch

from ...attacks import PGD, AbstractAttack, Targeted
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext
from .statistics import clopper_pearson_lower

TARGETS = 9  # likeliest wrong classes, as AutoAttack's targeted parts
ONLY = 0.01  # of all images, as a lower 95 % bound (docs/evaluation.md)


@final
class LossAgnostic(AbstractCheck):
    """Raised if, with 95 % confidence, more than 1 % of the images are broken by another loss
    (cross-entropy, margin, DLR, margin aimed at each of the nine likeliest wrong classes) and by
    nothing that the base attack and its longer and repeated runs do.
    Because robustness against one loss is a property of the loss (Croce & Hein 2020, arXiv
    2003.01690; Pintor et al. 2022).
    """

    id = "A6"
    title = "no other loss finds more"

    def run(self, context: AuditContext) -> Finding:
        chip, steps = context.chip, context.budget.steps
        context.base_result(chip)
        remaining = context.robust_to_white_box()
        attacks: list[tuple[str, AbstractAttack]] = [
            (loss, PGD(context.eps, steps, loss=loss))
            for loss in ("cross-entropy", "margin", "dlr")
            if loss != context.budget.loss and not (loss == "dlr" and context.classes < 3)
        ]
        ranks = range(1, min(TARGETS, context.classes - 1) + 1)
        fewer = context.budget.targets < len(ranks) and not chip.stochastic
        if context.budget.loss != "margin" or fewer:
            attacks += [
                (f"targeted_{k}", Targeted(PGD(context.eps, steps, random_start=False), k))
                for k in ranks
            ]
        broken = torch.zeros_like(remaining)
        figures: dict[str, float] = {}
        for name, attack in attacks:
            found = remaining & ~chip.attack(attack, on=remaining, stream=f"loss/{name}").robust
            figures[f"only_{name}"] = int(found.sum()) / context.images
            broken |= found
        count = int(broken.sum())
        bound = clopper_pearson_lower(count, context.images)
        only = count / context.images
        figures |= {"only": only, "lower_bound": bound}
        return fail_if(bound > ONLY, figures, f"{percent(only)} broken by another loss alone.")


@final
class NoSilentSuccess(AbstractCheck):
    """Raised if, with 95 % confidence, the base attack passed through an adversarial iterate of
    more than 1 % of the images and returned another image that is none; a warning if it happened at
    all.
    Because the attack then had the success in hand: the one it reports is too low (Pintor et al.
    2022, arXiv 2106.09947, indicator "silent success"). The audit itself counts every iterate.
    """

    id = "A7"
    title = "no success thrown away"

    def run(self, context: AuditContext) -> Finding:
        chip = context.chip
        if chip.stochastic:
            raise Skip("the chip is stochastic: one misclassified draw is no success")
        counted = chip.attack(context.base, on=chip.right, stream="base/0")
        index = chip.right.nonzero().squeeze(1)
        images = chip.to_the_end(context.base, chip.right, "base/0")
        returned = chip.judge(images[index], index, white_box=True)
        count = int((returned.robust & ~counted.robust).sum())
        share, bound = count / context.images, clopper_pearson_lower(count, context.images)
        text = f"{percent(share)} of images had an adversarial iterate that was not returned."
        figures = {"thrown_away": share, "lower_bound": bound}
        return fail_if(bound > ONLY, figures, text, warn=count > 0)
