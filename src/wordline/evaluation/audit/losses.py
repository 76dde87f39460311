"""A6, A7: does another loss find what the base attack misses, and did the attack throw a success away?"""

from __future__ import annotations

from typing import final

import torch

from ...attacks import PGD, AbstractAttack, Targeted
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .statistics import clopper_pearson_lower

TARGETS = 9  # likeliest wrong classes, as AutoAttack's targeted parts
ONLY = 0.01  # of all images, as the lower 95 % bound of what nothing else breaks (docs/evaluation.md)


@final
class LossAgnostic(AbstractCheck):
    """Raised if, with 95 % confidence, more than 1 % of the images are broken by another loss (cross-entropy, margin,
    DLR, margin aimed at each of the nine likeliest wrong classes) and by nothing that the base attack and its longer
    and repeated runs do.
    Because robustness against one loss is a property of the loss (Croce & Hein 2020, arXiv 2003.01690; Pintor et al.
    2022).
    """

    id = "A6"
    title = "no other loss finds more"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip, steps = bench.chip, bench.budget.steps
        bench.based(chip)
        standing = bench.survivors()
        attacks: list[tuple[str, AbstractAttack]] = [
            (loss, PGD(bench.eps, steps, loss=loss))
            for loss in ("cross-entropy", "margin", "dlr")
            if loss != bench.budget.loss and not (loss == "dlr" and bench.classes < 3)
        ]
        ranks = range(1, min(TARGETS, bench.classes - 1) + 1)
        if bench.budget.loss != "margin" or (bench.budget.targets < len(ranks) and not chip.stochastic):
            attacks += [(f"targeted_{k}", Targeted(PGD(bench.eps, steps, random_start=False), k)) for k in ranks]
        broken = torch.zeros_like(standing)
        figures: dict[str, float] = {}
        for name, attack in attacks:
            found = standing & ~chip.attack(attack, on=standing, stream=f"loss/{name}").stands
            figures[f"only_{name}"] = int(found.sum()) / bench.images
            broken |= found
        count = int(broken.sum())
        bound = clopper_pearson_lower(count, bench.images)
        figures |= {"only": count / bench.images, "lower_bound": bound}
        return raised_if(bound > ONLY, figures, f"{percent(count / bench.images)} broken by another loss alone.")


@final
class NoSilentSuccess(AbstractCheck):
    """Raised if, with 95 % confidence, the base attack passed through an adversarial iterate of more than 1 % of the
    images and returned another image that is none; a warning if it happened at all.
    Because the attack then had the success in hand: the one it reports is too low (Pintor et al. 2022, arXiv
    2106.09947, indicator "silent success"). The audit itself counts every iterate.
    """

    id = "A7"
    title = "no success thrown away"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip = bench.chip
        if chip.stochastic:
            raise Skip("the chip is stochastic: an iterate that one draw misclassifies is no success")
        counted = chip.attack(bench.base, on=chip.right, stream="base/0")
        returned = chip.attack_as_given(bench.base, on=chip.right, stream="base/0")
        count = int((returned.stands & ~counted.stands).sum())
        share, bound = count / bench.images, clopper_pearson_lower(count, bench.images)
        text = f"{percent(share)} of images had an adversarial iterate that was not returned."
        return raised_if(bound > ONLY, {"thrown_away": share, "lower_bound": bound}, text, warn=count > 0)
