"""What training makes small, and what a network is judged by while it trains."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets import ImageSplit
from ..models import accuracy
from ..typing import Images, Labels
from ..values import Value


class AbstractObjective(Value, abc.ABC):
    """A loss over a batch. It knows a network and nothing of what the network runs on, or of how weights move.

    The robust ones stand in `wordline.defenses`.
    """

    @abc.abstractmethod
    def loss(self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator) -> Tensor:
        """A scalar to make small.

        `model` is in training mode and answers images `(n, c, h, w)` in [0, 1] with float32 logits; `generator` lives
        on the CPU and belongs to this step alone.
        """

    @abc.abstractmethod
    def score(self, model: nn.Module, split: ImageSplit) -> float:
        """How good the network, in evaluation mode, is at this on images that it never trained on; larger is better."""


@final
@dataclass(frozen=True)
class CrossEntropy(AbstractObjective):
    """The mean negative log-probability of the true class; judged by accuracy.

    >>> model, images = nn.Flatten(), torch.zeros(2, 4, 1, 1)
    >>> CrossEntropy().loss(model, images, torch.tensor([0, 1]), generator=torch.Generator())  # log 4
    tensor(1.3863)
    """

    def loss(self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator) -> Tensor:
        """See `AbstractObjective.loss`; draws nothing."""
        return functional.cross_entropy(model(images), labels)

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        """Share of the images that the network gets right."""
        return accuracy(model, split)
