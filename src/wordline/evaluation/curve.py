"""Accuracy against epsilon, to the point of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from ..attacks import PGD, AbstractAttack
from ..attacks.norms import require_radius
from ..datasets import Pairs, as_split
from ..progress import AbstractProgress, Silent
from ..records import Record, RobustnessCurve
from ..values import require_instance, takes_numbers
from .evaluate import evaluate

GRID = tuple(k / 255 for k in (1, 2, 4, 8, 16, 32, 64, 128))  # the last can make an image grey
STEPS = 20


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
    """Evaluate at growing radii until the victim does no better than the commonest label.

    `attack` is taken at each radius of `eps` in turn (by default PGD of 20 steps with the margin
    loss, whose step grows with eps). A curve that flattens above chance is a sign of masked
    gradients (Carlini et al. 2019, arXiv 1902.06705). Raises ValueError for radii that do not grow.
    """
    attack = PGD(eps=GRID[0], steps=STEPS) if attack is None else attack
    require_instance("attack", attack, AbstractAttack)
    radii = list(eps)
    if not radii or any(b <= a for a, b in zip([0.0, *radii], radii, strict=False)):
        raise ValueError(f"`eps` must be growing radii above 0, got {radii}")
    for radius in radii:
        require_radius("eps", radius, attack.norm, above=0.0)
    split = as_split(data, limit=limit)
    chance = int(torch.bincount(split.labels).max()) / len(split)
    records: list[Record] = []
    with (progress or Silent()).task("radii", len(radii)) as advance:
        for radius in radii:
            at = replace(attack, eps=float(radius))  # type: ignore[type-var]  # each is a dataclass
            record = evaluate(
                victim=victim, source=source, attack=at, data=split, batch_size=batch_size,
                seed=seed,
            )  # fmt: skip
            records.append(record)
            advance(1, f"eps {radius:.3g}: AA {100 * record.adversarial_accuracy:.1f} %")
            if record.adversarial_accuracy <= chance:
                break
    return RobustnessCurve(tuple(records), chance)
