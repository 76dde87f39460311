"""How sure a count makes us: exact one-sided bounds and tests, at 95 %, for paired answers on the same images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from torch import Tensor

ALPHA: Final = 0.05  # one-sided; what Clopper & Pearson 1934 and every table of the field use
_HALVINGS: Final = 60  # of the bracket of the bound: far below float64's own rounding


def clopper_pearson_lower(successes: int, trials: int, alpha: float = ALPHA) -> float:
    """The share p for which so many successes or more would come up with probability alpha only.

        P(X >= k | n, p) = alpha,  X binomial;  0 for k = 0

    Exact: the true share is below it in at most 5 of 100 repetitions (Clopper & Pearson, Biometrika 1934).

    >>> round(clopper_pearson_lower(10, 10), 6) == round(0.05 ** 0.1, 6)
    True
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"`successes` must lie between 0 and `trials` = {trials}, got {successes}")
    if successes == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _upper_tail(successes, trials, middle) < alpha else (low, middle)
    return low


def clopper_pearson_upper(successes: int, trials: int, alpha: float = ALPHA) -> float:
    """The share for which so few successes or fewer would come up with probability alpha only; 1 for k = n.

    >>> round(clopper_pearson_upper(0, 10), 6) == round(1 - 0.05 ** 0.1, 6)
    True
    """
    return 1 - clopper_pearson_lower(trials - successes, trials, alpha)


def sign_test(wins: int, losses: int) -> float:
    """How likely so many wins or more would be by tossing a coin: sum_{i >= w} C(w + l, i) / 2^(w + l).

    >>> sign_test(5, 0), sign_test(0, 0)
    (0.03125, 1.0)
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"`wins` and `losses` must not be negative, got {wins} and {losses}")
    trials, term, total = wins + losses, 1, 0
    for i in range(trials, wins - 1, -1):  # C(n, n), C(n, n - 1), ... as whole numbers
        total += term
        term = term * i // (trials - i + 1)
    return total / 2**trials


@dataclass(frozen=True)
class Paired:
    """Two answers on the same images: on how many the first is larger, on how many the second, and by how much in the
    mean.

    Answers are yes or no, or the share of yes over the draws of a stochastic network.

    >>> import torch
    >>> Paired.of(torch.tensor([1.0, 1.0, 0.0, 0.5]), torch.tensor([0.0, 1.0, 0.5, 0.0]))
    Paired(first_larger=2, second_larger=1, images=4, difference=0.25)
    """

    first_larger: int
    second_larger: int
    images: int
    difference: float

    @classmethod
    def of(cls, first: Tensor, second: Tensor) -> Paired:
        """Counted from two `(N,)`."""
        gap = first.double() - second.double()
        return cls(int((gap > 0).sum()), int((gap < 0).sum()), len(gap), float(gap.mean()))

    @property
    def p_value(self) -> float:
        """Of the first being no larger than the second, by the sign test."""
        return sign_test(self.first_larger, self.second_larger)

    def exceeds(self, threshold: float) -> bool:
        """Whether the first is larger by more than `threshold`, and not by chance (p < 0.05)."""
        return self.difference > threshold and self.p_value < ALPHA


def _upper_tail(successes: int, trials: int, p: float) -> float:
    """P(X >= successes), summed over the shorter side."""
    if p <= 0.0 or p >= 1.0:
        return float(p >= 1.0)
    below = successes <= trials // 2
    terms = range(successes) if below else range(successes, trials + 1)
    whole = math.lgamma(trials + 1)
    logs = (
        whole - math.lgamma(i + 1) - math.lgamma(trials - i + 1) + i * math.log(p) + (trials - i) * math.log1p(-p)
        for i in terms
    )
    total = math.fsum(math.exp(value) for value in logs)
    return 1 - total if below else total
