"""Objective of training: a loss to minimise, and a score to select an epoch by."""

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
    """Loss over a batch of images; it knows the network, but neither chips nor the optimiser.

    The robust ones stand in `wordline.defenses`.
    """

    @abc.abstractmethod
    def loss(
        self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Tensor:
        """Return the scalar to minimise.

        `model` is in training mode and maps images `(n, c, h, w)` in [0, 1] to float32 logits;
        `generator` lives on the CPU and belongs to this step alone.
        """

    @abc.abstractmethod
    def score(self, model: nn.Module, split: ImageSplit) -> float:
        """Score a network in evaluation mode on images it never trained on; larger is better."""


@final
@dataclass(frozen=True)
class CrossEntropy(AbstractObjective):
    """Mean negative log-probability of the true class; the score is the accuracy.

    >>> model, images = nn.Flatten(), torch.zeros(2, 4, 1, 1)
    >>> labels = torch.tensor([0, 1])
    >>> CrossEntropy().loss(model, images, labels, generator=torch.Generator())  # log 4
    tensor(1.3863)
    """

    def loss(
        self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Tensor:
        return functional.cross_entropy(model(images), labels)

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        return accuracy(model, split)
