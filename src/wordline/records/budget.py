"""How hard an audit looks: the settings of the attack that is audited, and of those that doubt it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..values import Value, require_choice, require_integer

MINIMUM_DRAWS = 20  # of a stochastic chip, for a mean with an honest interval


@dataclass(frozen=True)
class Budget(Value):
    """Every number of steps, restarts, queries and draws of an audit.

    `steps`, `restarts`, `loss`, `targets`: the base attack, whose convergence is in question: PGD from that many
    random starts, and aimed at each of that many likeliest wrong classes; `targets=0`, `loss="cross-entropy"` is what
    the papers of the field run. A stochastic chip has at most three targets. `eot`: forwards a gradient is averaged
    over where the chip is stochastic; `draws`: answers that are averaged there, at least 20; `random`: random images
    tried an image; `square`: queries of Square; `hop`: steps of HopSkipJump and `hard_label` how many of the
    surviving images it visits; `probes`: images of the finite differences; `binarized`: images of the binarization
    test.

    >>> Budget().steps, Budget.quick().steps
    (50, 20)
    """

    steps: int = 50
    restarts: int = 5
    targets: int = 9
    loss: Literal["cross-entropy", "margin", "dlr"] = "margin"
    eot: int = 16
    draws: int = 30
    random: int = 200
    square: int = 5000
    hop: int = 20
    hard_label: int = 50
    probes: int = 100
    binarized: int = 60

    def __post_init__(self) -> None:
        for name in ("steps", "restarts", "eot", "random", "square", "hop", "hard_label", "probes", "binarized"):
            require_integer(name, getattr(self, name), at_least=1)
        require_integer("targets", self.targets, at_least=0)
        require_integer("draws", self.draws, at_least=MINIMUM_DRAWS)
        require_choice("loss", self.loss, ("cross-entropy", "margin", "dlr"))

    @staticmethod
    def quick() -> Budget:
        """A look of seconds on a small network: enough for what is plainly wrong."""
        return Budget(
            steps=20, restarts=2, eot=4, draws=MINIMUM_DRAWS, random=50, square=300, hop=8, hard_label=20, probes=40,
            binarized=20,
        )  # fmt: skip
