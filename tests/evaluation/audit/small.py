"""A context of an audit, and a network of which every accuracy is known."""

import dataclasses

import torch
from torch import Tensor, nn

from wordline.datasets import ImageSplit
from wordline.evaluation.audit.context import AuditContext

from .conftest import FAST


def context(
    chip: nn.Module,
    split: ImageSplit,
    *,
    software: nn.Module | None = None,
    eps: float = 0.1,
    **changes,
) -> AuditContext:
    return AuditContext(
        chip, software or chip, split, eps=eps, budget=dataclasses.replace(FAST, **changes),
        seed=0, batch_size=50, calibration=split,
    )  # fmt: skip


class Linear(nn.Module):
    """Two classes, logits (-s, s) with s = mean pixel - 1/2: an Linf attack of eps breaks exactly
    |s| < eps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.stack((-torch.ones(64), torch.ones(64))) / 64)
            self.layer.bias.copy_(torch.tensor([0.5, -0.5]))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1))
