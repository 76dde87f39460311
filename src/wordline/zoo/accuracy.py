"""The share of images that a network gets right."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .data import ImageSplit, to_float


def accuracy(model: nn.Module, split: ImageSplit, *, batch_size: int = 250) -> float:
    """Share of images whose largest logit is the label's, in full precision, on the device of the model.

    Raises ValueError for a model in training mode, whose batch norm would use, and move, its running statistics.
    """
    if model.training:
        raise ValueError("`model` is in training mode; call model.eval() first")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    correct = 0
    with torch.no_grad():
        for start in range(0, len(split), batch_size):
            images = to_float(split.images[start : start + batch_size].to(device))
            labels: Tensor = split.labels[start : start + batch_size].to(device)
            correct += int((model(images).argmax(1) == labels).sum())
    return correct / len(split)
