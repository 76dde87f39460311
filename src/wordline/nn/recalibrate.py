"""Batch-norm statistics measured again, on the network as it now is."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset


def recalibrate_batch_norm(
    model: nn.Module, data: Dataset[Any], *, limit: int = 2000, batch_size: int = 100
) -> nn.Module:
    """A copy of a network whose batch-norm layers saw the first `limit` images of `data` through this very network.

    mu, var <- mean and variance of each batch-norm input, averaged over batches in order. Only labels-free statistics
    change; no weight does. Pass training images. For a chip this undoes what the arrays did to the scale of each
    channel: a control in every comparison of robustness, for it separates lost clean accuracy from gained robustness.

    Raises ValueError for a network without batch norm that keeps statistics.
    """
    recalibrated = copy.deepcopy(model)
    norms = [
        m for m in recalibrated.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats
    ]
    if not norms:
        raise ValueError("`model` has no batch norm with running statistics; there is nothing to recalibrate")
    momenta = [norm.momentum for norm in norms]
    recalibrated.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over all batches
        norm.train()
    count = min(limit, len(cast(Any, data)))
    device = next(iter(recalibrated.state_dict().values())).device
    with torch.no_grad():
        for images, _ in DataLoader(Subset(data, range(count)), batch_size=batch_size):
            recalibrated(cast(Tensor, images).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return recalibrated.eval()
