"""R1, R2, R3: does its noise protect a stochastic chip, and are there enough draws?"""

from __future__ import annotations

from typing import final

from ...records.intervals import Z
from .audited_model import AuditedModel
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext
from .statistics import Paired

BEYOND = 0.01  # of all images
RISE = 0.01  # of all images, from one noise scale to a smaller one
HALF_WIDTH = 0.01  # of the accuracy under attack: one point (docs/evaluation.md)
SCALES = (0.5, 1.0, 2.0)
DETERMINISTIC = "the chip is deterministic"


@final
class FrozenNoise(AbstractCheck):
    """Raised if the chip, with one draw of its noise frozen, is robust on more than 1 % more of the
    images under the base attack than the software network does: more robust beyond its loss of
    clean accuracy.
    Because frozen noise is a fixed perturbation of the weights with an exact gradient. An advantage
    that stays without the randomness is not due to it, and needs another explanation than the
    claimed one (Athalye et al. 2018).
    """

    id = "R1"
    title = "frozen noise"

    def run(self, context: AuditContext) -> Finding:
        if not context.chip.stochastic:
            raise Skip(DETERMINISTIC)
        frozen = context.frozen()
        if frozen is None:
            raise Skip("the chip is stochastic but has no `frozen(seed)` to hold its noise still")
        held, software = context.base_result(frozen), context.base_result(context.software)
        pair = Paired.of(held.share, software.share)
        figures = {
            "frozen_accuracy": held.accuracy,
            "software_accuracy": software.accuracy,
            "p_value": pair.p_value,
        }
        text = (
            f"RA {percent(held.accuracy)} with frozen noise, "
            f"{percent(software.accuracy)} in software."
        )
        return fail_if(pair.exceeds(BEYOND), figures, text)


@final
class NoiseLadder(AbstractCheck):
    """Raised if accuracy under the base attack with EOT does not move in one direction from half
    the noise over the noise to twice the noise, by more than 1 % and more than its intervals.
    Because at a peak in the middle the attack fails: more noise cannot both help and hurt (Carlini
    et al. 2019, arXiv 1902.06705).
    """

    id = "R2"
    title = "noise ladder"

    def run(self, context: AuditContext) -> Finding:
        if not context.chip.stochastic:
            raise Skip(DETERMINISTIC)
        scaled = getattr(context.chip.model, "with_noise", None)
        if not callable(scaled):
            raise Skip("the chip has no `with_noise(scale)` that makes it noisier")
        rungs = [
            context.chip if scale == 1 else AuditedModel(scaled(scale), context.settings)
            for scale in SCALES
        ]
        runs = [context.base_result(rung) for rung in rungs]
        low, middle, high = (run.accuracy for run in runs)
        peak = max(middle - max(low, high), min(low, high) - middle)
        figures = {
            f"accuracy_at_{scale:g}": run.accuracy for scale, run in zip(SCALES, runs, strict=True)
        }
        widths = max(_half_width(run.share.double().mean().item(), context) for run in runs)
        accuracies = ", ".join(percent(run.accuracy) for run in runs)
        text = f"RA {accuracies} at half, full and twice the noise."
        return fail_if(peak > RISE + widths, figures | {"peak": peak}, text)


@final
class EnoughDraws(AbstractCheck):
    """Raised if the 95 % interval of accuracy under attack over the draws is wider than one point
    to each side.
    Because the claim is then not yet a number: draw more often.
    """

    id = "R3"
    title = "enough draws for the answer"

    def run(self, context: AuditContext) -> Finding:
        chip = context.chip
        if not chip.stochastic:
            raise Skip(DETERMINISTIC)
        answers = chip.correct(context.base_result(chip).images).double().mean(1)
        half = Z * float(answers.std()) / len(answers) ** 0.5
        text = f"RA known to +- {percent(half)} over {len(answers)} draws."
        return fail_if(half > HALF_WIDTH, {"half_width": half}, text)


def _half_width(share: float, context: AuditContext) -> float:
    return Z * (share * (1 - share) / (context.images * context.settings.draws)) ** 0.5
