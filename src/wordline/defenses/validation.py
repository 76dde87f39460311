"""How robust a network is while it trains: enough to choose among epochs, and cheap."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from ..attacks import PGD, Norm
from ..datasets import ImageSplit, to_float

LIMIT: Final = 500  # images: a standard error of 2 points
STEPS: Final = 10


def robust_accuracy(model: nn.Module, split: ImageSplit, eps: float, norm: Norm = "linf") -> float:
    """Share of the first 500 images that a network gets right after ten steps of PGD on the margin loss.

    To choose among epochs; a result needs `evaluate` and the audit. Images already broken take no further step, and
    every call draws the same starts, so that epochs are compared under the same attack.
    """
    attack = PGD(eps=eps, norm=norm, steps=STEPS, early_stop=True)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    some, correct = split.take(LIMIT), 0
    for start in range(0, len(some), 250):
        images = to_float(some.images[start : start + 250].to(device))
        labels = some.labels[start : start + 250].to(device)
        adversarial = attack(model, images, labels, generator=torch.Generator().manual_seed(start))
        with torch.no_grad():
            correct += int((model(adversarial).argmax(1) == labels).sum())
    return correct / len(some)
