"""Attacks by the names that the command line knows them under."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wordline.attacks.apgd import APGD
from wordline.attacks.attack import AbstractAttack
from wordline.attacks.autoattack import AutoAttack
from wordline.attacks.fab import FAB
from wordline.attacks.fgsm import FGSM
from wordline.attacks.hop_skip_jump import HopSkipJump
from wordline.attacks.losses import LOSSES, Loss
from wordline.attacks.mifgsm import MIFGSM
from wordline.attacks.multi_targeted import MultiTargeted
from wordline.attacks.norms import require_radius
from wordline.attacks.pgd import PGD
from wordline.attacks.random_search import RandomSearch
from wordline.attacks.square import Square
from wordline.attacks.worst_case import WorstCase
from wordline.values import require_choice


@dataclass(frozen=True)
class Wish:
    """What a user says about an attack; each attack takes what it has."""

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
        """PGD as wished."""
        return PGD(
            self.eps, self.count, self.step_size, self.loss, random_start=self.random_start, early_stop=self.early_stop
        )


NAMED: Final[dict[str, Callable[[Wish], AbstractAttack]]] = {
    "fgsm": lambda wish: FGSM(wish.eps, wish.loss),
    "pgd": lambda wish: wish.pgd(),
    "mifgsm": lambda wish: MIFGSM(wish.eps, wish.count, wish.step_size, loss=wish.loss),
    "multi-targeted": lambda wish: MultiTargeted(wish.pgd()),
    "worst-case": lambda wish: WorstCase((FGSM(wish.eps, wish.loss), wish.pgd(), MultiTargeted(wish.pgd()))),
    "random": lambda wish: RandomSearch(wish.eps),
    "apgd-ce": lambda wish: APGD(wish.eps, wish.steps or 100),
    "apgd-t": lambda wish: APGD(wish.eps, wish.steps or 100, "targeted-dlr"),
    "fab-t": lambda wish: FAB(wish.eps, wish.steps or 100),
    "square": lambda wish: Square(wish.eps),
    "autoattack": lambda wish: AutoAttack(wish.eps),
    "hop-skip-jump": lambda wish: HopSkipJump(wish.eps, steps=wish.steps or 20),
}


def attack_by_name(name: str, wish: Wish) -> AbstractAttack:
    """The attack `name` with what of the wish it can take; raises ValueError for an unknown name or loss.

    >>> attack_by_name("fgsm", Wish(eps=0.1, step_size=0.01))
    FGSM(eps=0.1, loss='margin')
    """
    require_choice("attack", name, tuple(NAMED))
    require_radius("eps", wish.eps)
    require_choice("loss", wish.loss, LOSSES)
    return NAMED[name](wish)
