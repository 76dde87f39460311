"""Adversarial images for a whole split, batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import ImageSplit, to_float
from ..progress import AbstractProgress, Silent
from ..seeds import batch_seed
from .party import device_of, dtype_of, restart_noise


def craft(
    source: nn.Module,
    attack: AbstractAttack,
    split: ImageSplit,
    *,
    seed: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress | None = None,
) -> Tensor:
    """Adversarial versions of all images of a split, by the gradients of `source` in its precision; `(N, C, H, W)`.

    Batch k draws from the stream (seed, k), so that one batch can be made again alone; a stochastic chip's read noise
    likewise.
    """
    device, dtype = device_of(source), dtype_of(source)
    made: list[Tensor] = []
    with (progress or Silent()).task(f"{type(attack).__name__}", len(split)) as advance:
        for start in range(0, len(split), batch_size):
            images = to_float(split.images[start : start + batch_size]).to(device, dtype)
            labels = split.labels[start : start + batch_size].to(device)
            restart_noise(source, "craft", seed, start)
            generator = torch.Generator().manual_seed(batch_seed(seed, start))
            made.append(attack(source, images, labels, generator=generator).detach().cpu())
            advance(len(labels), "")
    return torch.cat(made)
