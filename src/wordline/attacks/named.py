"""Attacks by the names that the command line uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..values import require_choice
from .attack import AbstractAttack
from .autoattack import APGD, FAB, AutoAttack, Square
from .fgsm import FGSM
from .hop_skip_jump import HopSkipJump
from .losses import LOSSES, Loss
from .mifgsm import MIFGSM
from .multi_targeted import MultiTargeted
from .norms import require_radius
from .pgd import PGD
from .random_search import RandomSearch
from .repeated_fgsm import RepeatedFGSM
from .worst_case import WorstCase


@dataclass(frozen=True)
class AttackOptions:
    """Options of an attack, of which each attack takes those that it has."""

    eps: float
    step_size: float
    steps: int = 0  # 0: as many as cross the ball
    loss: Loss = "margin"
    random_start: bool = True
    early_stop: bool = False

    @property
    def count(self) -> int:
        """Steps: max(10, 2.5 eps / step size, rounded up), so that the ball can be crossed."""
        return self.steps or max(10, math.ceil(2.5 * self.eps / self.step_size - 1e-9))

    def pgd(self) -> PGD:
        """Return PGD with these options."""
        return PGD(
            self.eps,
            self.count,
            self.step_size,
            self.loss,
            random_start=self.random_start,
            early_stop=self.early_stop,
        )


NAMED: Final[dict[str, Callable[[AttackOptions], AbstractAttack]]] = {
    "fgsm": lambda o: FGSM(o.eps, o.loss),
    "pgd": lambda o: o.pgd(),
    "mifgsm": lambda o: MIFGSM(o.eps, o.count, o.step_size, loss=o.loss),
    "repeated-fgsm": lambda o: RepeatedFGSM(o.eps, o.count, o.step_size, o.loss),
    "multi-targeted": lambda o: MultiTargeted(o.pgd()),
    "worst-case": lambda o: WorstCase((FGSM(o.eps, o.loss), o.pgd(), MultiTargeted(o.pgd()))),
    "random": lambda o: RandomSearch(o.eps),
    "apgd-ce": lambda o: APGD(o.eps, o.steps or 100),
    "apgd-t": lambda o: APGD(o.eps, o.steps or 100, "targeted-dlr"),
    "fab-t": lambda o: FAB(o.eps, o.steps or 100),
    "square": lambda o: Square(o.eps),
    "autoattack": lambda o: AutoAttack(o.eps),
    "hop-skip-jump": lambda o: HopSkipJump(o.eps, steps=o.steps or 20),
}


def attack_by_name(name: str, options: AttackOptions) -> AbstractAttack:
    """Make the attack `name` with the options it takes.

    Raises ValueError for an unknown name or loss.

    >>> attack_by_name("fgsm", AttackOptions(eps=0.1, step_size=0.01))
    FGSM(eps=0.1, loss='margin')
    """
    require_choice("attack", name, tuple(NAMED))
    require_radius("eps", options.eps)
    require_choice("loss", options.loss, LOSSES)
    return NAMED[name](options)
