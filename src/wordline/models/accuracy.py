"""Accuracy of a network on a data set."""

from __future__ import annotations

from torch import nn

from ..datasets import Pairs, as_split
from .batches import correct


def accuracy(model: nn.Module, split: Pairs, *, batch_size: int = 250) -> float:
    """Compute the share of images whose largest logit is that of the label.

    `split` is an `ImageSplit` or any data set of pairs (see `as_split`). Images are moved to the
    device and precision of the model; logits that are not finite count as wrong. Raises ValueError
    for a model in training mode, whose batch norm would use, and move, its running statistics.

    >>> import torch
    >>> split = [(torch.tensor([[[1.0]], [[0.0]]]), 0), (torch.tensor([[[1.0]], [[0.5]]]), 1)]
    >>> accuracy(nn.Flatten().eval(), split)
    0.5
    """
    if model.training:
        raise ValueError("`model` is in training mode; call model.eval() first")
    given = as_split(split, "split")
    right = correct(model, given.images, given.labels, batch_size=batch_size)
    return int(right.sum()) / len(given)
