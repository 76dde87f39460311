"""The context of an audit: a chip, its software network, images, and shared measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from ...attacks import PGD, AbstractAttack, Targeted
from ...datasets import ImageSplit, to_float
from ...models.batches import predict
from ...records import Budget
from .audited_model import AttackResult, AuditedModel, worst_of
from .crafting import AuditSettings
from .plan import STOCHASTIC_TARGETS, Meter


class AuditContext:
    """Everything the checks share: two networks, the images, the base attack and its results.

    `unusable_gradient` is empty, or says why no attack can follow the chip's gradient; G2 finds
    that out. `meter` is told of runs of the base attack that are done.
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
        meter: Meter | None = None,
    ) -> None:
        images = to_float(split.images)
        self.settings = AuditSettings(
            images, split.labels, batch_size, seed, budget.draws, budget.eot
        )
        self.chip = AuditedModel(chip, self.settings)
        same = software is chip
        self.software = self.chip if same else AuditedModel(software, self.settings)
        self.eps, self.budget, self.calibration = eps, budget, calibration
        self.meter = meter or Meter(lambda runs, note: None)
        self.unusable_gradient = ""
        self._memory: dict[str, Any] = {}
        self._kept: list[AuditedModel] = []  # so that no id is used twice

    def cached(self, key: str, compute: Callable[[], Any]) -> Any:
        """Compute a result that several checks share, once."""
        if key not in self._memory:
            self._memory[key] = compute()
        return self._memory[key]

    @property
    def images(self) -> int:
        """The number of images."""
        return len(self.settings.labels)

    @cached_property
    def base(self) -> PGD:
        """The attack whose result is in question."""
        return PGD(eps=self.eps, steps=self.budget.steps, loss=self.budget.loss)

    def base_result(self, audited: AuditedModel) -> AttackResult:
        """Run the base attack with its targets and restarts; keep the worst result per image."""
        self._kept.append(audited)
        key = f"base {id(audited)}"
        found: AttackResult = self.cached(key, lambda: self._base_result(audited))
        return found

    def _base_result(self, audited: AuditedModel) -> AttackResult:
        found = self._run(audited, self.base, audited.right, "base/0")
        targets = self.budget.targets
        ranks = min(targets, STOCHASTIC_TARGETS) if audited.stochastic else targets
        for rank in range(1, min(ranks, self.classes - 1) + 1):
            aimed = Targeted(replace(self.base, random_start=False), rank)
            found = worst_of(found, self._run(audited, aimed, found.robust, "targeted"))
        return self.restart(audited, found, range(1, self.budget.restarts))

    @cached_property
    def classes(self) -> int:
        """The number of logits of the chip."""
        return predict(self.chip.model, self.settings.images[:1], batch_size=1).shape[1]

    def restart(self, audited: AuditedModel, found: AttackResult, restarts: range) -> AttackResult:
        """Run the base attack from further random starts, on the images not yet broken."""
        for restart in restarts:
            more = self._run(audited, self.base, found.robust, f"base/{restart}")
            found = worst_of(found, more)
        return found

    def _run(
        self, audited: AuditedModel, attack: AbstractAttack, on: Tensor, stream: str
    ) -> AttackResult:
        found = audited.attack(attack, on=on, stream=stream)
        self.meter.ran(self.budget.eot if audited.stochastic else 1)
        return found

    def frozen(self) -> AuditedModel | None:
        """Freeze one draw of the chip's noise, where the chip can do that."""
        freeze = getattr(self.chip.model, "frozen", None)
        if not callable(freeze):
            return None
        found: AuditedModel = self.cached(
            "frozen", lambda: AuditedModel(freeze(self.settings.seed), self.settings)
        )
        return found

    def robust_to_white_box(self) -> Tensor:
        """Tell the images that no white-box attack on the chip so far has broken, `(N,)` bool."""
        return self.chip.right & (self.chip.white_box >= 0.5)
