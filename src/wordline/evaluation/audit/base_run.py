"""The base attack on the chip, on software and on every control, and their comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ...fingerprints import fingerprint
from ...nn import Chip
from ...records import Comparison, Estimate, over_draws, paired_difference, wilson
from .audited_model import AttackResult, AuditedModel
from .check import Skip
from .context import AuditContext
from .controls import BATCH_NORM, GAIN, NOISE, OTHER_SEED, TWIN, Control
from .plan import base_runs
from .statistics import Paired

WORTH = 0.01  # of all images: a smaller advantage is none (docs/evaluation.md)
CONTROLS = (BATCH_NORM, GAIN, TWIN, NOISE, OTHER_SEED)


@dataclass(frozen=True, eq=False)
class BaseRun:
    """A network and the result of the base attack made for itself."""

    audited: AuditedModel
    result: AttackResult

    @property
    def loss(self) -> Tensor:
        """Clean minus attacked correctness of each image, which AL averages, `(N,)`."""
        return self.audited.clean - self.result.share


def base_run(context: AuditContext, control: Control | None) -> BaseRun:
    """Attack the chip (no control) or one of the controls; raises `Skip` if it cannot be built."""
    if control is None:
        return BaseRun(context.chip, context.base_result(context.chip))

    def build() -> BaseRun | Skip:
        try:
            model = control.build(context)
        except Skip as reason:
            return reason
        same = same_network(context.chip.model, model)
        audited = context.chip if same else AuditedModel(model, context.settings)
        return BaseRun(audited, context.base_result(audited))

    found: Any = context.cached(f"control {control.name}", build)
    if isinstance(found, Skip):
        raise found
    result: BaseRun = found
    return result


def same_network(one: nn.Module, other: nn.Module) -> bool:
    """Tell if two deterministic chips are one: same kinds of layers, crossbar, and every number.

    A chip mapped with a least-squares gain is its own control, and so is another seed's chip of a
    crossbar that draws nothing.
    """
    if not isinstance(one, Chip) or not isinstance(other, Chip) or one.stochastic:
        return False

    def identity(chip: Chip) -> tuple[object, ...]:
        kinds = [(name, type(part)) for name, part in chip.named_modules()]
        return chip.crossbar, chip.overrides, chip.calibration, kinds, fingerprint(chip)

    return identity(one) == identity(other)


def software_run(context: AuditContext) -> BaseRun:
    """Attack the software network."""
    return BaseRun(context.software, context.base_result(context.software))


def compare_all(context: AuditContext) -> tuple[Comparison, ...]:
    """Compare software, the chip and every control.

    The costliest, noise that is averaged over, is left out where there is no advantage to explain.
    """
    software, chip = software_run(context), base_run(context, None)
    advantage = Paired.of(software.loss, chip.loss)
    left_out = () if advantage.exceeds(WORTH) else (NOISE,)
    rows = [_row("software", software, software, chip), _row("chip", chip, software, chip)]
    for control in CONTROLS:
        try:
            noisy = control is NOISE
            context.meter.begin(control.name, base_runs(context.budget, stochastic=noisy))
            if control in left_out:
                raise Skip("left out where there is no advantage to explain")
            rows.append(_row(control.name, base_run(context, control), software, chip))
        except Skip as reason:
            none = Estimate(0.0, 0.0, 0.0)
            rows.append(
                Comparison(
                    control.name, none, none, none, none, none, note=str(reason), measured=False
                )
            )
        context.meter.end(control.name)
    return tuple(rows)


def _row(name: str, one: BaseRun, software: BaseRun, chip: BaseRun) -> Comparison:
    own = Paired.of(software.loss, chip.loss).difference
    advantage = _difference(software.loss, one.loss)
    return Comparison(
        name,
        clean=accuracy(one.audited, one.audited.clean),
        adversarial=accuracy(one.audited, one.result.share),
        loss=_difference(one.audited.clean, one.result.share),
        advantage=advantage,
        robust=_difference(one.result.share, software.result.share),
        remains=max(0.0, advantage.value) / own if own > 0 else 0.0,
    )


def _difference(first: Tensor, second: Tensor) -> Estimate:
    """Estimate a paired difference with its interval.

    Of counts where both are yes or no, else mean +- 1.96 sd / sqrt(N) over images.
    """
    pair, gap = Paired.of(first, second), first - second
    if bool((gap == gap.round()).all()):
        return paired_difference(pair.first_larger, pair.second_larger, pair.images)
    return over_draws(gap)


def accuracy(audited: AuditedModel, share: Tensor) -> Estimate:
    """Estimate an accuracy: Wilson's interval, or a mean over images of a stochastic network."""
    if audited.stochastic:
        return over_draws(share)
    return wilson(int((share >= 0.5).sum()), len(share))
