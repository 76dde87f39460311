"""The budget of an audit: steps, restarts, queries and draws of the attacks that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..values import Value, require_choice, require_integer

POSITIVE = (
    "steps", "restarts", "eot", "random", "square", "hop", "hard_label", "probes", "binarized",
)  # fmt: skip
MINIMUM_DRAWS = 20  # of a stochastic chip, for a mean with an honest interval


@dataclass(frozen=True)
class Budget(Value):
    """Every number of steps, restarts, queries and draws of an audit.

    `steps`, `restarts`, `loss`, `targets`: of the base attack, whose convergence is in question:
    PGD from that many random starts, and aimed at each of that many likeliest wrong classes;
    `targets=0`, `loss="cross-entropy"` is the attack of the field's papers. A stochastic chip has
    at most three targets. `eot`: forward passes that a gradient of a stochastic chip is averaged
    over; `draws`: its outputs that are averaged, at least 20; `random`: random images tried an
    image; `square`: queries of Square; `hop`: steps of HopSkipJump, on the first `hard_label`
    surviving images; `probes`: images of the finite differences; `binarized`: images of the
    binarization test.

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
        for name in POSITIVE:
            require_integer(name, getattr(self, name), at_least=1)
        require_integer("targets", self.targets, at_least=0)
        require_integer("draws", self.draws, at_least=MINIMUM_DRAWS)
        require_choice("loss", self.loss, ("cross-entropy", "margin", "dlr"))

    @staticmethod
    def quick() -> Budget:
        """Return a budget of seconds on a small network: enough to find plain faults."""
        return Budget(
            steps=20, restarts=2, eot=4, draws=MINIMUM_DRAWS, random=50, square=300, hop=8,
            hard_label=20, probes=40, binarized=20,
        )  # fmt: skip
