"""E1, E2: does a larger epsilon break more, and an unbounded one everything?"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import final

import torch

from .bench import Bench
from .check import AbstractCheck, Finding, percent, raised_if
from .statistics import Paired
from .subject import Attacked

RISE = 0.01  # of all images (docs/evaluation.md)
FACTORS = (0.5, 1.0, 2.0, 4.0)  # times eps, as far as they stay below the unbounded radius
UNBOUNDED = 0.5  # Linf: every image can be made grey, so nothing of it need remain
STANDARD_ERRORS = 2.0


@final
class MonotoneInEpsilon(AbstractCheck):
    """Raised if the accuracy under the base attack rises by more than 1 % from one radius to a larger one.
    Because whoever may move farther may also move less: a rise is the attack's failure, and robustness measured at the
    larger radius is not there (Athalye et al. 2018, arXiv 1802.00420, section 3.1; Carlini et al. 2019).
    """

    id = "E1"
    title = "accuracy falls with eps"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        radii = [bench.eps * factor for factor in FACTORS if bench.eps * factor < UNBOUNDED or factor <= 1]
        found = [_at(bench, eps) for eps in radii]
        pairs = [Paired.of(far.share, near.share) for near, far in itertools.pairwise(found)]
        figures = {f"accuracy_at_{eps:.4g}": run.accuracy for eps, run in zip(radii, found, strict=True)}
        rise = max(pair.difference for pair in pairs)
        figures["largest_rise"] = rise
        text = f"largest rise {percent(max(0.0, rise))} over eps {', '.join(f'{eps:.3g}' for eps in radii)}."
        return raised_if(any(pair.exceeds(RISE) for pair in pairs), figures, text)


@final
class UnboundedWins(AbstractCheck):
    """Raised if more images than chance and two standard errors survive the base attack at Linf 0.5.
    Because every image can then be made uniformly grey, so only an attack that follows nothing can fail; chance is the
    share of the commonest label (Athalye et al. 2018, arXiv 1802.00420, section 3.1; Carlini et al. 2019).
    """

    id = "E2"
    title = "an unbounded attack wins"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        far = _at(bench, UNBOUNDED)
        commonest = int(torch.bincount(bench.conditions.labels).max()) / bench.images
        chance = max(commonest, 1 / bench.classes)
        limit = chance + STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / bench.images)
        figures = {"accuracy": far.accuracy, "chance": chance, "limit": limit}
        text = f"RA {percent(far.accuracy)} at Linf 0.5; chance {percent(chance)}."
        return raised_if(far.accuracy > limit, figures, text)


def _at(bench: Bench, eps: float) -> Attacked:
    """The base attack at another radius: many enough steps to cross the ball, from the same start."""
    if eps == bench.eps:
        return bench.based(bench.chip)
    chip = bench.chip
    return chip.attack(replace(bench.base, eps=eps), on=chip.right, stream="base/0", counts=False)
