"""Right answers of a network, image by image and as a share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..datasets import Pairs, as_split, to_float


def accuracy(model: nn.Module, split: Pairs, *, batch_size: int = 250) -> float:
    """Share of images whose largest logit is the label's, on the device and in the precision of the model.

    `split` is an `ImageSplit` or any data set of pairs (see `as_split`). Logits that are not finite count as wrong.
    Raises ValueError for a model in training mode, whose batch norm would use, and move, its running statistics.

    >>> split = [(torch.tensor([[[1.0]], [[0.0]]]), 0), (torch.tensor([[[1.0]], [[0.5]]]), 1)]
    >>> accuracy(nn.Flatten().eval(), split)
    0.5
    """
    if model.training:
        raise ValueError("`model` is in training mode; call model.eval() first")
    given = as_split(split, "split")
    return int(correct(model, given.images, given.labels, batch_size=batch_size).sum()) / len(given)


def correct(victim: nn.Module, images: Tensor, labels: Tensor, *, batch_size: int) -> Tensor:
    """Right answers of the victim, `(N,)` bool; logits that are not finite count as wrong."""
    numbers = [*victim.parameters(), *victim.buffers()]
    device = next((tensor.device for tensor in numbers), torch.device("cpu"))
    dtype = next((tensor.dtype for tensor in numbers if tensor.is_floating_point()), torch.float32)
    hits = []
    with torch.no_grad():
        for start in range(0, len(labels), batch_size):
            logits = victim(to_float(images[start : start + batch_size]).to(device, dtype)).cpu()
            hit = logits.argmax(1) == labels[start : start + batch_size]
            hits.append(hit & logits.isfinite().all(1))
    return torch.cat(hits)
