"""Adversarial images for a whole split, batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import ImageSplit
from ..models import batches
from ..progress import AbstractProgress, Silent
from ..seeds import batch_seed
from .read_noise import restart_noise


def craft(
    source: nn.Module,
    attack: AbstractAttack,
    split: ImageSplit,
    *,
    seed: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress | None = None,
) -> Tensor:
    """Attack all images of a split by the gradients of `source`; `(N, C, H, W)` in its precision.

    Batch k draws from the stream (seed, k), so that one batch can be made again alone; a stochastic
    chip's read noise likewise.
    """

    def stream(start: int) -> torch.Generator:
        restart_noise(source, "craft", seed, start)
        return torch.Generator().manual_seed(batch_seed(seed, start))

    crafted = batches.craft(
        source, attack, split.images, split.labels, batch_size=batch_size, generator=stream
    )
    found: list[Tensor] = []
    with (progress or Silent()).task(f"{type(attack).__name__}", len(split)) as advance:
        for batch, adversarial in crafted:
            found.append(adversarial.cpu())
            advance(len(batch.labels), "")
    return torch.cat(found)
