"""Attacks that run other attacks, whose radius and norm are those of the inner ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Self

from .attack import AbstractAttack
from .norms import Norm


class AbstractWrappedAttack(AbstractAttack):
    """An attack that runs inner attacks of one norm; `eps` is the largest of theirs."""

    @property
    @abstractmethod
    def inner(self) -> tuple[AbstractAttack, ...]:
        """The attacks that are run."""

    @abstractmethod
    def with_inner(self, change: Callable[[AbstractAttack], AbstractAttack]) -> Self:
        """Return the same attack with each inner attack changed."""

    @property
    def eps(self) -> float:  # type: ignore[override]  # read-only here: the inner attacks have it
        """The largest radius of the inner attacks."""
        return max(attack.eps for attack in self.inner)

    @property
    def norm(self) -> Norm:  # type: ignore[override]
        """The norm of the inner attacks."""
        return self.inner[0].norm

    def for_transfer(self) -> Self:
        return self.with_inner(lambda attack: attack.for_transfer())
