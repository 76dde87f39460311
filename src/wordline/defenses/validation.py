"""Robust accuracy of a network while it trains: enough to choose among epochs, and cheap."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from ..attacks import PGD, Norm
from ..datasets import ImageSplit
from ..models.batches import craft, hits

LIMIT: Final = 500  # images: a standard error of 2 points
STEPS: Final = 10
BATCH: Final = 250


def robust_accuracy(model: nn.Module, split: ImageSplit, eps: float, norm: Norm = "linf") -> float:
    """Compute the share of the first 500 images right after ten steps of PGD on the margin loss.

    To choose among epochs; a result needs `evaluate` and the audit. Images already broken take no
    further step, and every call draws the same starts, so that epochs are compared under the same
    attack. Logits that are not finite count as wrong.
    """
    attack = PGD(eps=eps, norm=norm, steps=STEPS, early_stop=True)
    some, right = split.take(LIMIT), 0

    def stream(start: int) -> torch.Generator:
        return torch.Generator().manual_seed(start)

    crafted = craft(model, attack, some.images, some.labels, batch_size=BATCH, generator=stream)
    for batch, adversarial in crafted:
        with torch.no_grad():
            right += int(hits(model(adversarial), batch.labels).sum())
    return right / len(some)
