"""C1, C2, C3, C4: is the chip's advantage anything but lost clean accuracy, or lost current?

    AL(software) - AL(chip) = [CA(software) - CA(chip)] + [AA(chip) - AA(software)]

The first bracket is lost accuracy; only the second can be robustness.
"""

from __future__ import annotations

from typing import final

from .base_run import WORTH, base_run, software_run
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext
from .controls import BATCH_NORM, GAIN, NOISE, TWIN, Control
from .statistics import Paired

RESTORED = 0.5  # share of the lost clean accuracy that a control must bring back to say anything
COSTLIER = 0.05  # a control that loses so much more clean accuracy shrinks AL by that alone
MOST = 0.8  # share of the advantage that a control must reach alone to have reproduced it
AS_CLEAN = WORTH  # clean accuracy that a twin may be below the chip: less than any advantage


@final
class AccuracyRestored(AbstractCheck):
    """Raised if the chip's AL is significantly lower than the software's, by more than 1 %, and the
    advantage is gone once clean accuracy is accounted for: either the chip's accuracy under attack
    is no higher than the software's, or batch-norm recalibration or a least-squares gain gives half
    of the lost accuracy back and leaves no advantage.
    Because AL = CA - AA falls with CA: a chip that gives every image the same answer has an AL of
    zero. Only an accuracy under attack that is higher, at equal clean accuracy, is robustness
    (compare arXiv 2008.11298, Tables I and II).
    """

    id = "C1"
    title = "advantage at equal clean accuracy"

    def run(self, context: AuditContext) -> Finding:
        chip, software = base_run(context, None), software_run(context)
        advantage = Paired.of(software.loss, chip.loss)
        robust = Paired.of(chip.result.share, software.result.share)
        figures = {
            "al_advantage": advantage.difference,
            "p_value": advantage.p_value,
            "aa_gain": robust.difference,
        }
        gains = percent(advantage.difference), percent(robust.difference)
        words = f"AL advantage {gains[0]}, AA gain {gains[1]}"
        if not advantage.exceeds(WORTH):
            return Finding("pass", figures, f"{words}: no advantage to explain.")
        explained = [] if robust.exceeds(WORTH) else ["lost clean accuracy alone"]
        clean = chip.audited.clean.mean()
        gap = float(software.audited.clean.mean() - clean)
        for control in (BATCH_NORM, GAIN):
            try:
                other = base_run(context, control)
            except Skip:
                continue
            left = Paired.of(software.loss, other.loss)
            figures[f"left_{control.name.replace(' ', '_')}"] = left.difference
            regained = float(other.audited.clean.mean() - clean)
            if regained >= RESTORED * gap and not left.exceeds(WORTH):
                explained.append(control.name)
        text = f"{words}; explained by: {', '.join(explained) or 'nothing here'}."
        return fail_if(bool(explained), figures, text)


class _ControlCheck(AbstractCheck):
    """A check that no network without a crossbar reproduces the advantage by itself."""

    control: Control

    def run(self, context: AuditContext) -> Finding:
        chip, software = base_run(context, None), software_run(context)
        advantage = Paired.of(software.loss, chip.loss)
        words = f"AL advantage {percent(advantage.difference)}"
        if not advantage.exceeds(WORTH):
            figures = {"al_advantage": advantage.difference}
            return Finding("pass", figures, f"{words}: no advantage to explain.")
        other = base_run(context, self.control)
        alone, more = Paired.of(software.loss, other.loss), Paired.of(other.loss, chip.loss)
        cost = float(chip.audited.clean.mean() - other.audited.clean.mean())
        figures = {
            "al_advantage": advantage.difference,
            "al_advantage_alone": alone.difference,
            "ca_below_chip": cost,
        }
        text = f"{words} of the chip, {percent(alone.difference)} of {self.control.name}"
        if cost > COSTLIER:
            text = f"{text}, which loses {percent(cost)} more CA: that says nothing."
            return Finding("pass", figures, text)
        enough = alone.difference >= MOST * advantage.difference or not more.exceeds(WORTH)
        return fail_if(alone.exceeds(WORTH) and enough, figures, f"{text}.")


@final
class ShrinkExplainsNothing(_ControlCheck):
    """Raised if the software network, the weights of each mapped layer multiplied by the chip's one
    mean gain there (its attenuated twin), has four fifths of the chip's AL advantage, or as much as
    cannot be told from it, without losing five points more of clean accuracy.
    Because the crossbar then did nothing but make numbers smaller, which a digital gain undoes.
    """

    id = "C2"
    title = "uniform shrink does not explain it"
    control = TWIN


@final
class NoiseExplainsNothing(_ControlCheck):
    """Raised if the software network, with Gaussian noise of the chip's own mean and deviation on
    each mapped layer, has four fifths of the chip's AL advantage, or as much as cannot be told from
    it, without losing five points more of clean accuracy.
    Because the advantage is then that of any noise, which attacks that average over it take away
    again (arXiv 2109.09060 claims that noise alone does not reproduce it).
    """

    id = "C3"
    title = "matched noise does not explain it"
    control = NOISE


@final
class AttenuationExplainsNothing(AbstractCheck):
    """Raised if the chip's accuracy under attack is significantly higher than software's, by more
    than 1 %, and its attenuated twin (the software network, the weights of each mapped layer
    multiplied by the chip's one mean gain there) gains as much: significantly more than 1 % over
    software, and no less than the chip, or less by no more than 1 % or by chance; at a clean
    accuracy that is not more than 1 % below the chip's.
    Because the gain is then that of weights which are smaller by a few per cent, in front of
    normalisations and biases that do not know it: software has it by one multiplication a layer,
    and nothing of it is the crossbar's.
    """

    id = "C4"
    title = "attenuation does not explain it"

    def run(self, context: AuditContext) -> Finding:
        chip, software = base_run(context, None), software_run(context)
        gain = Paired.of(chip.result.share, software.result.share)
        words = f"AA gain {percent(gain.difference)}"
        if not gain.exceeds(WORTH):
            figures = {"aa_gain": gain.difference}
            return Finding("pass", figures, f"{words}: nothing gained to explain.")
        twin = base_run(context, TWIN)
        alone = Paired.of(twin.result.share, software.result.share)
        rest = Paired.of(chip.result.share, twin.result.share)
        cost = float(chip.audited.clean.mean() - twin.audited.clean.mean())
        figures = {
            "aa_gain": gain.difference,
            "aa_gain_of_twin": alone.difference,
            "aa_gain_over_twin": rest.difference,
            "p_value": rest.p_value,
            "ca_below_chip": cost,
        }
        clean = f"{percent(abs(cost))} {'less' if cost > 0 else 'more'} CA"
        text = f"{words} of the chip, {percent(alone.difference)} of its twin at {clean}"
        explained = alone.exceeds(WORTH) and not rest.exceeds(WORTH) and cost <= AS_CLEAN
        return fail_if(explained, figures, f"{text}.")
