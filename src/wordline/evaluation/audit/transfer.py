"""B4, B5: do somebody else's images or gradients hurt the chip more than its own?"""

from __future__ import annotations

from typing import final

from ...attacks.surrogate import SurrogateGradient
from .bench import Bench
from .check import AbstractCheck, Finding, percent, raised_if
from .statistics import Paired
from .subject import Attacked

BETTER = 0.01  # of all images (docs/evaluation.md)


@final
class TransferIsWeaker(AbstractCheck):
    """Raised if images crafted on the software network break more than 1 % more of the chip's answers than images
    crafted on the chip itself.
    Because who holds the chip can do all that who holds the software can: if the transferred attack (SH) wins over
    the white-box one (HH), the chip's gradient misleads (Athalye et al. 2018; Papernot et al. 2017, arXiv
    1602.02697).
    """

    id = "B4"
    title = "white box beats transfer"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip = bench.chip
        attack = bench.base.for_transfer()
        transferred = chip.attack_as_given(attack, on=chip.right, stream="base/0", source=bench.software.model)
        return _compared(bench, transferred, "transferred from software")


@final
class OwnGradientIsBest(AbstractCheck):
    """Raised if the base attack on the chip, led by the software network's gradient at every step, breaks more than 1
    % more than led by the chip's own.
    Because the true gradient is the best guide there is, and a stand-in (BPDA) that guides better shows that it is
    not what the chip declares (Athalye et al. 2018, arXiv 1802.00420, section 4).
    """

    id = "B5"
    title = "own gradient beats a stand-in"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip = bench.chip

        def run() -> Attacked:
            led = SurrogateGradient(chip.model, bench.software.model).eval()
            return chip.attack_as_given(chip.adapted(bench.base), on=chip.right, stream="base/0", source=led)

        return _compared(bench, bench.once("surrogate", run), "led by software's gradient")


def _compared(bench: Bench, other: Attacked, words: str) -> Finding:
    own = bench.based(bench.chip)
    pair = Paired.of(own.share, other.share)
    figures = {"accuracy": other.accuracy, "white_box_accuracy": own.accuracy, "p_value": pair.p_value}
    return raised_if(
        pair.exceeds(BETTER), figures, f"RA {percent(other.accuracy)} {words}, {percent(own.accuracy)} white-box."
    )
