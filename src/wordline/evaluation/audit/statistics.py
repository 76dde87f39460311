"""Exact one-sided bounds and tests, at 95 %, for paired answers on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torch import Tensor

ALPHA: Final = 0.05  # one-sided; as Clopper & Pearson 1934 and every table of the field


def clopper_pearson_lower(successes: int, trials: int) -> float:
    """Compute the lower 95 % bound of a share: the p with P(X >= k | n, p) = 0.05, X binomial.

    0 for k = 0. Exact: the true share is below it in at most 5 of 100 repetitions (Clopper &
    Pearson, Biometrika 1934).

    >>> round(clopper_pearson_lower(10, 10), 6) == round(0.05 ** 0.1, 6)
    True
    """
    from scipy.stats import binomtest  # a second to import, and an audit alone needs it

    if not 0 <= successes <= trials:
        raise ValueError(f"`successes` must lie between 0 and `trials` = {trials}, got {successes}")
    if successes == 0:
        return 0.0
    found = binomtest(successes, trials, alternative="greater")
    return float(found.proportion_ci(1 - ALPHA, method="exact").low)


def clopper_pearson_upper(successes: int, trials: int) -> float:
    """Compute the upper 95 % bound of a share; 1 for k = n.

    >>> round(clopper_pearson_upper(0, 10), 6) == round(1 - 0.05 ** 0.1, 6)
    True
    """
    return 1 - clopper_pearson_lower(trials - successes, trials)


def sign_test(wins: int, losses: int) -> float:
    """Compute the probability of so many wins or more by tossing a coin.

        sum_{i >= w} C(w + l, i) / 2^(w + l)

    >>> sign_test(5, 0), sign_test(0, 0)
    (0.03125, 1.0)
    """
    from scipy.stats import binomtest

    if wins < 0 or losses < 0:
        raise ValueError(f"`wins` and `losses` must not be negative, got {wins} and {losses}")
    if wins + losses == 0:
        return 1.0
    return float(binomtest(wins, wins + losses, alternative="greater").pvalue)


@dataclass(frozen=True)
class Paired:
    """Two answers on the same images, compared image by image.

    On how many images the first is larger, on how many the second, and the mean difference. Answers
    are yes or no, or the share of yes over the draws of a stochastic network.

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
        """Count two answers `(N,)`."""
        gap = first.double() - second.double()
        return cls(int((gap > 0).sum()), int((gap < 0).sum()), len(gap), float(gap.mean()))

    @property
    def p_value(self) -> float:
        """The probability of a first no larger than the second, by the sign test."""
        return sign_test(self.first_larger, self.second_larger)

    def exceeds(self, threshold: float) -> bool:
        """Tell if the first is larger by more than `threshold`, and not by chance (p < 0.05)."""
        return self.difference > threshold and self.p_value < ALPHA
