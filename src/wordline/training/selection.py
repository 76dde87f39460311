"""Validation split, and the epoch that scores best on it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any, final

from torch import Tensor, nn

from ..datasets import ImageSplit


def train_val_split(split: ImageSplit, share: float, classes: int) -> tuple[ImageSplit, ImageSplit]:
    """Return the images to train on, and the first `share` of a split, to validate on.

    The first, and not a draw, as in the code of arXiv 2109.09060: so any two runs share them.
    Raises ValueError if they are none or all, and if a class is missing among them, as in a data
    set that is sorted by class.
    """
    count = round(share * len(split))
    if not 0 < count < len(split):
        raise ValueError(
            f"`validation` is {share:g}, which is {count} of {len(split)} training images; "
            "choose another"
        )
    validation = split.take(count)
    present = len(validation.labels.unique())
    if present < min(classes, len(split.labels.unique())):
        raise ValueError(
            f"`validation` takes the first {count} training images, which hold only {present} of "
            f"{classes} classes; take more, or shuffle the data"
        )
    return replace(split, images=split.images[count:], labels=split.labels[count:]), validation


@final
@dataclass
class BestEpoch:
    """Best epoch so far, by validation score: its number from 1, its score, its weights."""

    epoch: int = 0
    score: float = 0.0
    state: dict[str, Tensor] = field(default_factory=dict)

    def update(self, epoch: int, score: float, model: nn.Module) -> None:
        """Store an epoch if it is better; of equals the first stays."""
        if self.epoch == 0 or score > self.score:
            self.epoch, self.score = epoch, score
            self.state = copy.deepcopy(model.state_dict())

    def restore(self, model: nn.Module) -> None:
        """Load the stored weights into the network, if any were stored."""
        if self.epoch:
            model.load_state_dict(self.state)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain data for a checkpoint."""
        return {"epoch": self.epoch, "score": self.score, "state": self.state}
