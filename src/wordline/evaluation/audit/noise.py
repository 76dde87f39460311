"""R1, R2, R3: is the noise of a stochastic chip what protects it, and is it averaged over enough?"""

from __future__ import annotations

from typing import final

from ...records.intervals import Z
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .statistics import Paired
from .subject import Subject

BEYOND = 0.01  # of all images
RISE = 0.01  # of all images, from one noise scale to a smaller one
HALF_WIDTH = 0.01  # of the accuracy under attack: one point (docs/evaluation.md)
SCALES = (0.5, 1.0, 2.0)
DETERMINISTIC = "the chip is deterministic"


@final
class FrozenNoise(AbstractCheck):
    """Raised if the chip, with one draw of its noise frozen, stands against more than 1 % more of the base attack's
    images than the software network does: more robust beyond its loss of clean accuracy.
    Because frozen noise is a fixed perturbation of the weights with an exact gradient. What stays of an advantage
    without the randomness is not the randomness's doing, and wants another explanation than the claimed one (Athalye
    et al. 2018).
    """

    id = "R1"
    title = "frozen noise"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        if not bench.chip.stochastic:
            raise Skip(DETERMINISTIC)
        frozen = bench.frozen()
        if frozen is None:
            raise Skip("the chip is stochastic but has no `frozen(seed)` that holds its noise still")
        held, software = bench.based(frozen), bench.based(bench.software)
        pair = Paired.of(held.share, software.share)
        figures = {"frozen_accuracy": held.accuracy, "software_accuracy": software.accuracy, "p_value": pair.p_value}
        text = f"RA {percent(held.accuracy)} with frozen noise, {percent(software.accuracy)} in software."
        return raised_if(pair.exceeds(BEYOND), figures, text)


@final
class NoiseLadder(AbstractCheck):
    """Raised if accuracy under the base attack with EOT does not move in one direction from half the noise over the
    noise to twice the noise, by more than 1 % and more than its intervals.
    Because a peak in the middle is where the attack, not the attacker, fails: more noise cannot both help and hurt
    (Carlini et al. 2019, arXiv 1902.06705).
    """

    id = "R2"
    title = "noise ladder"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        if not bench.chip.stochastic:
            raise Skip(DETERMINISTIC)
        scaled = getattr(bench.chip.model, "with_noise", None)
        if not callable(scaled):
            raise Skip("the chip has no `with_noise(scale)` that makes it noisier")
        rungs = [bench.chip if scale == 1 else Subject(scaled(scale), bench.conditions) for scale in SCALES]
        runs = [bench.based(rung) for rung in rungs]
        low, middle, high = (run.accuracy for run in runs)
        peak = max(middle - max(low, high), min(low, high) - middle)
        figures = {f"accuracy_at_{scale:g}": run.accuracy for scale, run in zip(SCALES, runs, strict=True)}
        widths = max(_half_width(run.share.double().mean().item(), bench) for run in runs)
        text = f"RA {', '.join(percent(run.accuracy) for run in runs)} at half, full and twice the noise."
        return raised_if(peak > RISE + widths, figures | {"peak": peak}, text)


@final
class EnoughDraws(AbstractCheck):
    """Raised if the 95 % interval of accuracy under attack over the draws is wider than one point to each side.
    Because the claim is then not yet a number: draw more often.
    """

    id = "R3"
    title = "enough draws for the answer"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip = bench.chip
        if not chip.stochastic:
            raise Skip(DETERMINISTIC)
        answers = chip.answers(bench.based(chip).images).double().mean(1)
        half = Z * float(answers.std()) / len(answers) ** 0.5
        text = f"RA known to +- {percent(half)} over {len(answers)} draws."
        return raised_if(half > HALF_WIDTH, {"half_width": half}, text)


def _half_width(share: float, bench: Bench) -> float:
    return Z * (share * (1 - share) / (bench.images * bench.conditions.draws)) ** 0.5
