"""C1, C2, C3: is the chip's advantage anything but lost clean accuracy?

    AL(software) - AL(chip) = [CA(software) - CA(chip)] + [AA(chip) - AA(software)]

The first bracket is lost accuracy, the second is robustness, if anything is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch

from ...records import Comparison, over_draws, paired_difference, wilson
from ...records.record import Estimate
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .controls import ANOTHER, GAINED, NOISY, RECALIBRATED, SHRUNK, Control
from .statistics import Paired
from .subject import Attacked, Subject

WORTH = 0.01  # of all images: a smaller advantage is none (docs/evaluation.md)
RESTORED = 0.5  # share of the lost clean accuracy that a control must bring back to say anything
COSTLIER = 0.05  # a control that loses so much more clean accuracy than the chip shrinks AL by that alone
MOST = 0.8  # share of the advantage that a control must reach alone to have reproduced it
ALL = (RECALIBRATED, GAINED, SHRUNK, NOISY, ANOTHER)


@dataclass(frozen=True, eq=False)
class Measured:
    """A network under the base attack made for itself."""

    subject: Subject
    run: Attacked

    @property
    def lost(self) -> torch.Tensor:
        """Correct when clean, wrong when attacked: what AL counts, `(N,)`; over draws the difference of the shares."""
        return self.subject.clean - self.run.share


@final
class AccuracyRestored(AbstractCheck):
    """Raised if the chip's AL is significantly lower than the software's, by more than 1 %, and the advantage is gone
    once clean accuracy is accounted for: either the chip's accuracy under attack is no higher than the software's, or
    batch-norm recalibration or a least-squares gain gives half of the lost accuracy back and leaves no advantage.
    Because AL = CA - AA falls with CA: a chip that gives every image the same answer has an AL of zero. Only an
    accuracy under attack that is higher, at equal clean accuracy, is robustness (compare arXiv 2008.11298, Tables I
    and II).
    """

    id = "C1"
    title = "advantage at equal clean accuracy"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip, software = measured(bench, None), measured_software(bench)
        advantage = Paired.of(software.lost, chip.lost)
        robust = Paired.of(chip.run.share, software.run.share)
        figures = {"al_advantage": advantage.difference, "p_value": advantage.p_value, "aa_gain": robust.difference}
        words = f"AL advantage {percent(advantage.difference)}, AA gain {percent(robust.difference)}"
        if not advantage.exceeds(WORTH):
            return Finding("pass", figures, f"{words}: no advantage to explain.")
        explained = [] if robust.exceeds(WORTH) else ["lost clean accuracy alone"]
        gap = float(software.subject.clean.mean() - chip.subject.clean.mean())
        for control in (RECALIBRATED, GAINED):
            try:
                other = measured(bench, control)
            except Skip:
                continue
            left = Paired.of(software.lost, other.lost)
            figures[f"left_{control.name.replace(' ', '_')}"] = left.difference
            regained = float(other.subject.clean.mean() - chip.subject.clean.mean())
            if regained >= RESTORED * gap and not left.exceeds(WORTH):
                explained.append(control.name)
        return raised_if(bool(explained), figures, f"{words}; explained by: {', '.join(explained) or 'nothing here'}.")


class _Alone(AbstractCheck):
    """A network without a crossbar that reproduces the advantage makes the crossbar's part in it unproven."""

    control: Control

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip, software = measured(bench, None), measured_software(bench)
        advantage = Paired.of(software.lost, chip.lost)
        if not advantage.exceeds(WORTH):
            text = f"AL advantage {percent(advantage.difference)}: no advantage to explain."
            return Finding("pass", {"al_advantage": advantage.difference}, text)
        other = measured(bench, self.control)
        alone, more = Paired.of(software.lost, other.lost), Paired.of(other.lost, chip.lost)
        figures = {"al_advantage": advantage.difference, "al_advantage_alone": alone.difference}
        words = f"{percent(alone.difference)} of {self.control.name}"
        text = f"AL advantage {percent(advantage.difference)} of the chip, {words}."
        enough = alone.difference >= MOST * advantage.difference or not more.exceeds(WORTH)
        cost = float(chip.subject.clean.mean() - other.subject.clean.mean())
        figures["ca_below_chip"] = cost
        if cost > COSTLIER:
            return Finding("pass", figures, f"{text[:-1]}, which loses {percent(cost)} more CA: that says nothing.")
        return raised_if(alone.exceeds(WORTH) and enough, figures, text)


@final
class ShrinkExplainsNothing(_Alone):
    """Raised if the software network, each mapped layer's output multiplied by the one factor that the chip measures
    there, has four fifths of the chip's AL advantage, or as much as cannot be told from it, without losing five
    points more of clean accuracy.
    Because the crossbar then did nothing but make numbers smaller, which a digital gain undoes.
    """

    id = "C2"
    title = "uniform shrink does not explain it"
    control = SHRUNK


@final
class NoiseExplainsNothing(_Alone):
    """Raised if the software network, with Gaussian noise of the chip's own mean and deviation on each mapped layer,
    has four fifths of the chip's AL advantage, or as much as cannot be told from it, without losing five points more
    of clean accuracy.
    Because the advantage is then that of any noise, which attacks that average over it take away again (arXiv
    2109.09060 claims that noise alone does not reproduce it).
    """

    id = "C3"
    title = "matched noise does not explain it"
    control = NOISY


def measured(bench: Bench, control: Control | None) -> Measured:
    """The chip (no control) or one of the controls, under the base attack; raises `Skip` where it cannot be built."""
    if control is None:
        return Measured(bench.chip, bench.based(bench.chip))

    def build() -> Measured | Skip:
        bench.tell(control.name)
        try:
            subject = Subject(control.build(bench), bench.conditions)
        except Skip as reason:
            return reason
        return Measured(subject, bench.based(subject))

    found: Any = bench.once(f"control {control.name}", build)
    if isinstance(found, Skip):
        raise found
    result: Measured = found
    return result


def measured_software(bench: Bench) -> Measured:
    """The software network under the base attack made for itself."""
    return Measured(bench.software, bench.based(bench.software))


def compare_all(bench: Bench, *, quick: bool) -> tuple[Comparison, ...]:
    """Software, the chip and every control beside each other; a quick audit may spare the costliest."""
    software, chip = measured_software(bench), measured(bench, None)
    spared = (NOISY,) if quick and not Paired.of(software.lost, chip.lost).exceeds(WORTH) else ()
    rows = [_row("software", software, software, chip), _row("chip", chip, software, chip)]
    for control in ALL:
        try:
            if control in spared:
                raise Skip("a quick audit leaves it out where there is no advantage to explain")
            rows.append(_row(control.name, measured(bench, control), software, chip))
        except Skip as reason:
            none = Estimate(0.0, 0.0, 0.0)
            rows.append(Comparison(control.name, none, none, none, none, none, note=str(reason), measured=False))
    return tuple(rows)


def _row(name: str, one: Measured, software: Measured, chip: Measured) -> Comparison:
    own = Paired.of(software.lost, chip.lost).difference
    advantage = _difference(software.lost, one.lost)
    return Comparison(
        name,
        clean=accuracy(one.subject, one.subject.clean),
        adversarial=accuracy(one.subject, one.run.share),
        loss=_difference(one.subject.clean, one.run.share),
        advantage=advantage,
        robust=_difference(one.run.share, software.run.share),
        remains=max(0.0, advantage.value) / own if own > 0 else 0.0,
    )


def _difference(first: torch.Tensor, second: torch.Tensor) -> Estimate:
    """Paired, with its interval: of counts where both are yes or no, else mean +- 1.96 sd / sqrt(N) over images."""
    pair, gap = Paired.of(first, second), first - second
    if bool((gap == gap.round()).all()):
        return paired_difference(pair.first_larger, pair.second_larger, pair.images)
    return over_draws(gap)


def accuracy(subject: Subject, share: torch.Tensor) -> Estimate:
    """Of correct answers: Wilson's interval, or the mean over images of their shares for a stochastic network."""
    if subject.stochastic:
        return over_draws(share)
    return wilson(int((share >= 0.5).sum()), len(share))
