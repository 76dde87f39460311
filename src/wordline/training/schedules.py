"""Learning rates over training: values without state, so that a resumed run follows the curve."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, replace
from typing import final

from ..values import Value, require_instance, require_integer, require_number


class AbstractSchedule(Value):
    """A learning rate for every moment of training."""

    @abc.abstractmethod
    def lr(self, epoch: float, epochs: int) -> float:
        """Return the learning rate after `epoch` of `epochs` epochs, fractions included."""

    @abc.abstractmethod
    def rescale(self, lr: float, stretch: float) -> AbstractSchedule:
        """Return the curve with largest rate `lr` (0 keeps it), over `stretch` times the epochs."""


@final
@dataclass(frozen=True)
class OneCycle(AbstractSchedule):
    """Linear from `start * peak_lr` to `peak_lr` over the share `warmup`, then a cosine to zero.

    Source: Smith & Topin, arXiv 1708.07120, with a cosine instead of the second straight line.

    >>> OneCycle(peak_lr=0.1, warmup=0.25).lr(1.0, 4)
    0.1
    """

    peak_lr: float = 0.1
    warmup: float = 0.25
    start: float = 0.1

    def __post_init__(self) -> None:
        require_number("peak_lr", self.peak_lr, above=0.0)
        require_number("warmup", self.warmup, above=0.0, at_most=0.9)
        require_number("start", self.start, at_least=0.0, at_most=1.0)

    def lr(self, epoch: float, epochs: int) -> float:
        share = epoch / epochs
        if share < self.warmup:
            return self.peak_lr * (self.start + (1 - self.start) * share / self.warmup)
        return (
            self.peak_lr * 0.5 * (1 + math.cos(math.pi * (share - self.warmup) / (1 - self.warmup)))
        )

    def rescale(self, lr: float, stretch: float) -> OneCycle:
        # the cycle is in shares of the training, so it stretches by itself
        return replace(self, peak_lr=lr or self.peak_lr)


@final
@dataclass(frozen=True)
class Milestones(AbstractSchedule):
    """Steps: `initial_lr`, times `factor` from each milestone epoch on.

    The defaults are those of arXiv 2109.09060, where they stand within 200 epochs.

    >>> Milestones().lr(100, 200)
    0.01
    """

    initial_lr: float = 0.1
    milestones: tuple[int, ...] = (80, 120)
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_number("initial_lr", self.initial_lr, above=0.0)
        require_number("factor", self.factor, above=0.0, at_most=1.0)
        require_instance("milestones", self.milestones, tuple)
        for milestone in self.milestones:
            require_integer("milestones", milestone, at_least=1)
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(
                f"`milestones` must be rising epochs, got {self.milestones}; sort them, each once"
            )

    def lr(self, epoch: float, epochs: int) -> float:
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return round(self.initial_lr * self.factor**passed, 12)  # 0.1 * 0.1 is not 0.01 in binary

    def rescale(self, lr: float, stretch: float) -> Milestones:
        moved = {max(1, round(milestone * stretch)) for milestone in self.milestones}  # each once
        return replace(self, initial_lr=lr or self.initial_lr, milestones=tuple(sorted(moved)))
