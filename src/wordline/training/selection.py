"""Which epoch of a training is kept."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from ..datasets import ImageSplit


def parted(split: ImageSplit, share: float, classes: int) -> tuple[ImageSplit, ImageSplit]:
    """The images to validate on, which are the first `share` of a split, and the rest, to train on.

    The first, and not a draw, as in the code of arXiv 2109.09060: so any two runs share them. Raises ValueError where
    they are none or all, and where a class is missing among them, as in a data set that is sorted by class.
    """
    count = round(share * len(split))
    if not 0 < count < len(split):
        raise ValueError(f"`validation` is {share:g}, which is {count} of {len(split)} training images; choose another")
    held_out = split.take(count)
    if (held := len(held_out.labels.unique())) < min(classes, len(split.labels.unique())):
        raise ValueError(
            f"`validation` takes the first {count} training images, which hold only {held} of {classes} classes; "
            "take more, or shuffle the data"
        )
    return held_out, replace(split, images=split.images[count:], labels=split.labels[count:])


@dataclass
class Kept:
    """The best epoch so far, by validation score: its number from 1, its score, its weights."""

    epoch: int = 0
    score: float = 0.0
    state: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, epoch: int, score: float, model: nn.Module) -> None:
        """Keep this epoch instead if it is better; of equals the first stays."""
        if self.epoch == 0 or score > self.score:
            self.epoch, self.score, self.state = epoch, score, copy.deepcopy(model.state_dict())

    def restore(self, model: nn.Module) -> None:
        """Put the kept weights back, where any were kept."""
        if self.epoch:
            model.load_state_dict(self.state)

    def plain(self) -> dict[str, Any]:
        """What a checkpoint stores."""
        return {"epoch": self.epoch, "score": self.score, "state": self.state}

