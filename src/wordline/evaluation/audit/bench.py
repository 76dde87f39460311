"""The bench: a chip, its software network and some images, and everything about them that is measured once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ...attacks import PGD, Targeted
from ...datasets import ImageSplit, to_float
from ...records import Budget
from .subject import Attacked, Conditions, Subject

Tell = Callable[[str], None]
STOCHASTIC_TARGETS = 3  # each costs as many gradients as EOT has draws


class Bench:
    """What the checks share: two networks, the images, the base attack and its adversarial images.

    `blind` is empty, or says why no attack can follow the chip's gradient; G2 finds that out.
    """

    def __init__(
        self,
        chip: nn.Module,
        software: nn.Module,
        split: ImageSplit,
        *,
        eps: float,
        budget: Budget,
        seed: int,
        batch_size: int,
        calibration: ImageSplit,
        tell: Tell,
    ) -> None:
        images = to_float(split.images)
        self.conditions = Conditions(images, split.labels, batch_size, seed, budget.draws, budget.eot)
        self.chip = Subject(chip, self.conditions)
        self.software = self.chip if software is chip else Subject(software, self.conditions)
        self.eps, self.budget, self.calibration, self.tell = eps, budget, calibration, tell
        self.blind = ""
        self._memory: dict[str, Any] = {}
        self._kept: list[Subject] = []  # so that no id is used twice

    def once(self, key: str, compute: Callable[[], Any]) -> Any:
        """A result that several checks share."""
        if key not in self._memory:
            self._memory[key] = compute()
        return self._memory[key]

    @property
    def images(self) -> int:
        """How many images are on the bench."""
        return len(self.conditions.labels)

    @cached_property
    def base(self) -> PGD:
        """The attack whose result is in question."""
        return PGD(eps=self.eps, steps=self.budget.steps, loss=self.budget.loss)

    def based(self, subject: Subject) -> Attacked:
        """The base attack with its targets and restarts, made for a network: the worst of them, per image."""
        self._kept.append(subject)
        key = f"base {id(subject)}"
        found: Attacked = self.once(key, lambda: self._based(subject))
        return found

    def _based(self, subject: Subject) -> Attacked:
        found = subject.attack(self.base, on=subject.right, stream="base/0")
        ranks = min(self.budget.targets, STOCHASTIC_TARGETS) if subject.stochastic else self.budget.targets
        for rank in range(1, min(ranks, self.classes - 1) + 1):
            aimed = Targeted(replace(self.base, random_start=False), rank)
            found = worse(found, subject.attack(aimed, on=found.stands, stream="targeted"))
        return self.restarted(subject, found, range(1, self.budget.restarts))

    @cached_property
    def classes(self) -> int:
        """How many logits the chip gives."""
        with torch.no_grad():
            return int(self.chip.model(self.chip.given(self.conditions.images[:1])).shape[1])

    def restarted(self, subject: Subject, found: Attacked, restarts: range) -> Attacked:
        """Further random starts, on the images still standing."""
        for restart in restarts:
            more = subject.attack(self.base, on=found.stands, stream=f"base/{restart}")
            found = worse(found, more)
        return found

    def frozen(self) -> Subject | None:
        """The chip with one draw of its noise held still, where it can do that."""
        freeze = getattr(self.chip.model, "frozen", None)
        if not callable(freeze):
            return None
        held: Subject = self.once("frozen", lambda: Subject(freeze(self.conditions.seed), self.conditions))
        return held

    def survivors(self) -> Tensor:
        """Images of the chip that every white-box attack run so far left standing, `(N,)` bool."""
        return self.chip.right & (self.chip.white >= 0.5)


def worse(one: Attacked, other: Attacked) -> Attacked:
    """Per image the result with fewer correct answers."""
    wins = other.share < one.share
    images = torch.where(wins.view(-1, *[1] * (one.images.ndim - 1)), other.images, one.images)
    return Attacked(images, torch.minimum(one.share, other.share), max(one.largest, other.largest))
