"""Accuracy against epsilon, to the point of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from ..attacks import PGD, AbstractAttack
from ..attacks.norms import require_radius
from ..datasets import Pairs, as_split
from ..progress import AbstractProgress, Silent
from ..records.record import Record, table
from ..values import Value, require_instance, takes_numbers
from .evaluate import evaluate

GRID = tuple(levels / 255 for levels in (1, 2, 4, 8, 16, 32, 64, 128))  # the last leaves nothing of an image
STEPS = 20


@dataclass(frozen=True)
class RobustnessCurve(Value):
    """Records at growing radii; `chance` is the share of the commonest label. `reports.accuracy_curves` draws it."""

    records: tuple[Record, ...]
    chance: float

    @property
    def eps(self) -> tuple[float, ...]:
        """The radii, the clean images first."""
        return (0.0, *[record.attack.eps for record in self.records])  # type: ignore[attr-defined]

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Accuracy at each radius."""
        return (self.records[0].clean_accuracy, *[record.adversarial_accuracy for record in self.records])

    @property
    def reaches_chance(self) -> bool:
        """Whether the attack brought the victim down to guessing; if not, look at the attack before the victim."""
        return self.accuracy[-1] <= self.chance

    def __str__(self) -> str:
        end = "reached" if self.reaches_chance else "NOT reached: the attack fails, or the grid ends too early"
        return f"{table(self.records)}\nchance ({100 * self.chance:.1f} %) {end}"


@takes_numbers
def robustness_curve(
    *,
    victim: nn.Module,
    source: nn.Module,
    data: Pairs,
    attack: AbstractAttack | None = None,
    eps: Sequence[float] = GRID,
    limit: int = 0,
    batch_size: int = 100,
    seed: int = 0,
    progress: AbstractProgress | None = None,
) -> RobustnessCurve:
    """Evaluate at growing radii until the victim does no better than always answering the commonest label.

    `attack` is taken at each radius of `eps` in turn (by default PGD of 20 steps with the margin loss, whose step grows
    with eps). A curve that flattens above chance is a sign of masked gradients (Carlini et al. 2019, arXiv 1902.06705).
    Raises ValueError for radii that do not grow.
    """
    attack = PGD(eps=GRID[0], steps=STEPS) if attack is None else attack
    require_instance("attack", attack, AbstractAttack)
    radii = list(eps)
    if not radii or any(later <= earlier for earlier, later in zip([0.0, *radii], radii, strict=False)):
        raise ValueError(f"`eps` must be growing radii above 0, got {radii}")
    for radius in radii:
        require_radius("eps", radius, attack.norm, above=0.0)
    split = as_split(data, limit=limit)
    chance = int(torch.bincount(split.labels).max()) / len(split)
    records: list[Record] = []
    with (progress or Silent()).task("radii", len(radii)) as advance:
        for radius in radii:
            at = replace(attack, eps=float(radius))  # type: ignore[type-var]  # every attack is a dataclass
            records.append(
                evaluate(victim=victim, source=source, attack=at, data=split, batch_size=batch_size, seed=seed)
            )
            advance(1, f"eps {radius:.3g}: AA {100 * records[-1].adversarial_accuracy:.1f} %")
            if records[-1].adversarial_accuracy <= chance:
                break
    return RobustnessCurve(tuple(records), chance)
