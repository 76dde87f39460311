"""A1 to A5: would a little more effort have broken more?"""

from __future__ import annotations

from dataclasses import replace
from typing import final

from ...attacks import FGSM, PGD
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .statistics import Paired
from .subject import Attacked

GAIN = 0.01  # of all images; doubling an effort that still pays so much had not converged (docs/evaluation.md)
STEP_SIZES = (0.5, 2.0)  # times the base attack's own


@final
class IterativeWins(AbstractCheck):
    """Raised if one step of full length breaks significantly more images than many small ones.
    Because an iterative attack can do whatever one step does: if it does worse, it follows gradients that mislead it
    (Athalye et al. 2018, arXiv 1802.00420, section 3.1).
    """

    id = "A1"
    title = "many steps beat one"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        base = bench.based(bench.chip)
        one = bench.chip.attack(FGSM(bench.eps, bench.budget.loss), on=bench.chip.right)
        pair = Paired.of(base.share, one.share)
        figures = {"one_step_accuracy": one.accuracy, "base_accuracy": base.accuracy, "p_value": pair.p_value}
        text = f"RA {percent(one.accuracy)} after one step, {percent(base.accuracy)} after many."
        return raised_if(pair.exceeds(0.0), figures, text)


@final
class StepsConverged(AbstractCheck):
    """Raised if twice the steps of the same size, from the same start, break more than another 1 % of the images.
    Because the attack was then stopped on its way (Carlini et al. 2019, arXiv 1902.06705; Tramer et al. 2020).
    """

    id = "A2"
    title = "enough steps"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        longer = replace(bench.base, steps=2 * bench.base.steps, step_size=bench.base.step_length())
        return _gained(bench, [_same_start(bench, longer)], f"{longer.steps} steps instead of {bench.base.steps}")


@final
class RestartsConverged(AbstractCheck):
    """Raised if twice the random starts break more than another 1 % of the images.
    Because success then still depends on the luck of the start (Carlini et al. 2019, arXiv 1902.06705; Tramer et al.
    2020).
    """

    id = "A3"
    title = "enough restarts"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        count = bench.budget.restarts
        more = bench.restarted(bench.chip, bench.based(bench.chip), range(count, 2 * count))
        return _gained(bench, [more], f"{2 * count} starts instead of {count}")


@final
class StepSizeConverged(AbstractCheck):
    """Raised if steps of half or twice the size, as many and from the same start, break more than another 1 %.
    Because the attack then jumps over what it looks for, or does not reach it (Carlini et al. 2019, arXiv 1902.06705).
    """

    id = "A4"
    title = "step size does not matter"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        length = bench.base.step_length()
        others = [_same_start(bench, replace(bench.base, step_size=factor * length)) for factor in STEP_SIZES]
        return _gained(bench, others, "other step sizes")


@final
class DrawsConverged(AbstractCheck):
    """Raised if averaging gradients over twice the draws breaks more than another 1 % of the images.
    Because the attack on a stochastic chip then still follows its noise (Athalye et al. 2018; Tramer et al. 2020).
    """

    id = "A5"
    title = "enough draws for the gradient"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        if not bench.chip.stochastic:
            raise Skip("the chip is deterministic: one draw is all there is")
        more = replace(bench.base, eot=2 * bench.budget.eot)
        return _gained(bench, [_same_start(bench, more)], f"EOT {more.eot} instead of {bench.budget.eot}")


def _same_start(bench: Bench, attack: PGD) -> Attacked:
    return bench.chip.attack(attack, on=bench.chip.right, stream="base/0")


def _gained(bench: Bench, others: list[Attacked], effort: str) -> Finding:
    """What an effort breaks beyond the base attack."""
    broken = ~bench.based(bench.chip).stands
    everything = broken.clone()
    for other in others:
        everything |= ~other.stands
    pair = Paired.of(everything, broken)
    figures = {"gain": pair.difference, "p_value": pair.p_value}
    return raised_if(pair.exceeds(GAIN), figures, f"{effort}: {percent(pair.difference)} more broken.")
