"""How a network is trained: a recipe is a value, so a card can say it and anyone can repeat it."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, field

from ..values import Value, require_choice, require_instance, require_integer, require_number

PRECISIONS = ("auto", "fp32", "bf16")


class AbstractSchedule(Value):
    """A learning rate for every moment of training; stateless, so that a resumed run follows the same curve."""

    @abc.abstractmethod
    def lr(self, epoch: float, epochs: int) -> float:
        """The learning rate after `epoch` of `epochs` epochs, fractions included."""


@dataclass(frozen=True)
class OneCycle(AbstractSchedule):
    """Linear from `start * peak_lr` to `peak_lr` over the first `warmup` share, then a cosine to zero (Smith 2018).

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
        """See `AbstractSchedule.lr`."""
        share = epoch / epochs
        if share < self.warmup:
            return self.peak_lr * (self.start + (1 - self.start) * share / self.warmup)
        return self.peak_lr * 0.5 * (1 + math.cos(math.pi * (share - self.warmup) / (1 - self.warmup)))


@dataclass(frozen=True)
class Milestones(AbstractSchedule):
    """`initial_lr`, times `factor` after each milestone: the schedule of arXiv 2109.09060 (80 and 120 of 200 epochs).

    >>> Milestones().lr(100, 200)
    0.01
    """

    initial_lr: float = 0.1
    milestones: tuple[int, ...] = (80, 120)
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_number("initial_lr", self.initial_lr, above=0.0)
        require_number("factor", self.factor, above=0.0, at_most=1.0)
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"`milestones` must be rising epochs, got {self.milestones}")

    def lr(self, epoch: float, epochs: int) -> float:
        """See `AbstractSchedule.lr`."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return round(self.initial_lr * self.factor**passed, 12)


@dataclass(frozen=True)
class Recipe(Value):
    """SGD with Nesterov momentum and cross-entropy.

    `precision`: "bf16" autocasts the matrix products, "auto" does so where the processor has bf16 arithmetic.
    `crop`: pixels of reflected border for random crops, `flip`: random mirror images (never for digits).
    """

    epochs: int
    batch_size: int = 128
    schedule: AbstractSchedule = field(default_factory=OneCycle)
    momentum: float = 0.9
    weight_decay: float = 5e-4
    crop: int = 4
    flip: bool = True
    precision: str = "auto"

    def __post_init__(self) -> None:
        require_integer("epochs", self.epochs, at_least=1)
        require_integer("batch_size", self.batch_size, at_least=2)
        require_instance("schedule", self.schedule, AbstractSchedule)
        require_number("momentum", self.momentum, at_least=0.0, at_most=1.0)
        require_number("weight_decay", self.weight_decay, at_least=0.0)
        require_integer("crop", self.crop, at_least=0)
        require_choice("precision", self.precision, PRECISIONS)
