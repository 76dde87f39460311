"""A1 to A5: would more steps, restarts, step sizes or draws have broken more?"""

from __future__ import annotations

from dataclasses import replace
from typing import final

from ...attacks import FGSM, PGD
from .audited_model import AttackResult
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext
from .statistics import Paired

GAIN = 0.01  # of all images: an attack that still gains so much had not converged
STEP_SIZES = (0.5, 2.0)  # times the base attack's own


@final
class IterativeWins(AbstractCheck):
    """Raised if one step of full length breaks significantly more images than many small ones.
    Because an iterative attack can do whatever one step does: if it does worse, it follows
    gradients that mislead it (Athalye et al. 2018, arXiv 1802.00420, section 3.1).
    """

    id = "A1"
    title = "many steps beat one"

    def run(self, context: AuditContext) -> Finding:
        base = context.base_result(context.chip)
        one = context.chip.attack(FGSM(context.eps, context.budget.loss), on=context.chip.right)
        pair = Paired.of(base.share, one.share)
        figures = {
            "one_step_accuracy": one.accuracy,
            "base_accuracy": base.accuracy,
            "p_value": pair.p_value,
        }
        text = f"RA {percent(one.accuracy)} after one step, {percent(base.accuracy)} after many."
        return fail_if(pair.exceeds(0.0), figures, text)


@final
class StepsConverged(AbstractCheck):
    """Raised if twice the steps of the same size, from the same start, break more than another 1 %
    of the images.
    Because the attack was then stopped on its way (Carlini et al. 2019, arXiv 1902.06705; Tramer et
    al. 2020).
    """

    id = "A2"
    title = "enough steps"

    def run(self, context: AuditContext) -> Finding:
        base = context.base
        longer = replace(base, steps=2 * base.steps, step_size=base.step_length())
        effort = f"{longer.steps} steps instead of {base.steps}"
        return _judge(context, [_same_start(context, longer)], effort)


@final
class RestartsConverged(AbstractCheck):
    """Raised if twice the random starts break more than another 1 % of the images.
    Because success then still depends on the luck of the start (Carlini et al. 2019, arXiv
    1902.06705; Tramer et al. 2020).
    """

    id = "A3"
    title = "enough restarts"

    def run(self, context: AuditContext) -> Finding:
        count = context.budget.restarts
        chip = context.chip
        more = context.restart(chip, context.base_result(chip), range(count, 2 * count))
        return _judge(context, [more], f"{2 * count} starts instead of {count}")


@final
class StepSizeConverged(AbstractCheck):
    """Raised if steps of half or twice the size, as many and from the same start, break more than
    another 1 %.
    Because the attack then jumps over what it looks for, or does not reach it (Carlini et al. 2019,
    arXiv 1902.06705).
    """

    id = "A4"
    title = "step size does not matter"

    def run(self, context: AuditContext) -> Finding:
        length = context.base.step_length()
        others = [
            _same_start(context, replace(context.base, step_size=factor * length))
            for factor in STEP_SIZES
        ]
        return _judge(context, others, "other step sizes")


@final
class DrawsConverged(AbstractCheck):
    """Raised if averaging gradients over twice the draws breaks more than another 1 % of the
    images.
    Because the attack on a stochastic chip then still follows its noise (Athalye et al. 2018;
    Tramer et al. 2020).
    """

    id = "A5"
    title = "enough draws for the gradient"

    def run(self, context: AuditContext) -> Finding:
        if not context.chip.stochastic:
            raise Skip("the chip is deterministic: one draw is all there is")
        more = replace(context.base, eot=2 * context.budget.eot)
        effort = f"EOT {more.eot} instead of {context.budget.eot}"
        return _judge(context, [_same_start(context, more)], effort)


def _same_start(context: AuditContext, attack: PGD) -> AttackResult:
    return context.chip.attack(attack, on=context.chip.right, stream="base/0")


def _judge(context: AuditContext, others: list[AttackResult], effort: str) -> Finding:
    """Judge the images that more effort breaks beyond the base attack."""
    broken = ~context.base_result(context.chip).robust
    everything = broken.clone()
    for other in others:
        everything |= ~other.robust
    pair = Paired.of(everything, broken)
    figures = {"gain": pair.difference, "p_value": pair.p_value}
    return fail_if(
        pair.exceeds(GAIN), figures, f"{effort}: {percent(pair.difference)} more broken."
    )
