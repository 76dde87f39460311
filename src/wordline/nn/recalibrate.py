"""Batch-norm statistics measured again, on the network as it now is."""

from __future__ import annotations

import copy
from collections.abc import Sized
from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn
from torch.utils.data import Dataset

from ..values import require_integer, takes_numbers
from .dataset_images import load_image


@takes_numbers
def recalibrate_batch_norm(
    model: nn.Module, data: Dataset[Any], *, limit: int = 2000, batch_size: int = 100
) -> nn.Module:
    """Copy a network with batch-norm statistics measured on the first `limit` images of `data`.

    mu, var <- mean and variance of each batch-norm input in this very network, averaged over
    batches in order; images left over after whole batches join the last one. `limit=0` takes all
    images. Only these statistics change, no weight does, and no label is read. Pass training
    images, in no order of classes. For a chip this undoes the effect of the arrays on the scale of
    each channel: a control in every comparison of robustness, for it separates lost clean accuracy
    from gained robustness.

    Raises ValueError for a network without batch norm that keeps statistics, and for fewer than two
    images.
    """
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=2)
    recalibrated = copy.deepcopy(model).eval()
    kind = nn.modules.batchnorm._BatchNorm
    norms = [m for m in recalibrated.modules() if isinstance(m, kind) and m.track_running_stats]
    if not norms:
        raise ValueError(
            "`model` has no batch norm with running statistics; there is nothing to recalibrate"
        )
    count = len(cast(Sized, data))
    count = min(limit, count) if limit else count
    if count < 2:
        raise ValueError(f"`data` must hold at least two images for a variance, got {count}")
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over all batches
        norm.train()
    like = next(value for value in recalibrated.state_dict().values() if value.is_floating_point())
    borders = [*range(0, max(1, count - batch_size + 1), batch_size), count]
    with torch.no_grad():
        for start, stop in pairwise(borders):
            images = torch.stack([load_image(data, index) for index in range(start, stop)])
            recalibrated(images.to(like.device, like.dtype))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return recalibrated.eval()
