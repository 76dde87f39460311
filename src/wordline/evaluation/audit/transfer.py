"""B4, B5: do the software network's images or gradients break more than the chip's own?"""

from __future__ import annotations

from typing import final

from ...attacks import SurrogateGradient
from .audited_model import AttackResult
from .check import AbstractCheck, Finding, fail_if, percent
from .context import AuditContext
from .statistics import Paired

BETTER = 0.01  # of all images (docs/evaluation.md)


@final
class TransferIsWeaker(AbstractCheck):
    """Raised if images crafted on the software network break more than 1 % more of the chip's
    answers than images crafted on the chip itself.
    Because an attacker who holds the chip can do all that one who holds the software can: if the
    transferred attack (SH) wins over the white-box one (HH), the chip's gradient misleads (Athalye
    et al. 2018; Papernot et al. 2017, arXiv 1602.02697).
    """

    id = "B4"
    title = "white box beats transfer"

    def run(self, context: AuditContext) -> Finding:
        chip, index = context.chip, context.chip.right.nonzero().squeeze(1)
        images = context.software.to_the_end(context.base.for_transfer(), chip.right, "base/0")
        found = chip.judge(images[index], index, white_box=False)
        return _compare(context, found, "transferred from software")


@final
class OwnGradientIsBest(AbstractCheck):
    """Raised if the base attack on the chip, with the software network's gradient at every step,
    breaks more than 1 % more than with the chip's own.
    Because the true gradient is the best guide there is, and a surrogate (BPDA) that guides better
    shows that it is not what the chip declares (Athalye et al. 2018, arXiv 1802.00420, section 4).
    """

    id = "B5"
    title = "own gradient beats a surrogate"

    def run(self, context: AuditContext) -> Finding:
        chip = context.chip

        def run() -> AttackResult:
            source = SurrogateGradient(chip.model, context.software.model).eval()
            attack = chip.adapted(context.base)
            return chip.attack_as_given(attack, on=chip.right, stream="base/0", source=source)

        return _compare(context, context.cached("surrogate", run), "with software's gradient")


def _compare(context: AuditContext, other: AttackResult, words: str) -> Finding:
    own = context.base_result(context.chip)
    pair = Paired.of(own.share, other.share)
    figures = {
        "accuracy": other.accuracy,
        "white_box_accuracy": own.accuracy,
        "p_value": pair.p_value,
    }
    text = f"RA {percent(other.accuracy)} {words}, {percent(own.accuracy)} white-box."
    return fail_if(pair.exceeds(BETTER), figures, text)
