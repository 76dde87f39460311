"""Random crops and mirror images for a whole batch at once."""

from __future__ import annotations

import torch
from torch.nn import functional

from ..typing import Images


def augment(images: Images, crop: int, flip: bool, *, generator: torch.Generator) -> Images:
    """Shift each image by up to `crop` pixels over its reflected border, and mirror half of them.

    `images` `(n, c, h, w)` floating point -> same shape, and no new pixel values. Every draw comes
    from `generator`, a stream of the CPU, so that all machines draw the same. Raises ValueError for
    a `crop` that no reflection can fill.

    >>> x = torch.ones(4, 3, 8, 8)
    >>> torch.equal(augment(x, 2, True, generator=torch.Generator()), x)
    True
    """
    n, _, h, w = images.shape
    device = images.device
    if not 0 <= crop < min(h, w):
        raise ValueError(
            f"`crop` must be from 0 to {min(h, w) - 1} for {h} x {w} images, got {crop}"
        )
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        images = torch.where(mirrored.to(device)[:, None, None, None], images.flip(3), images)
    if crop:
        padded = functional.pad(images, (crop, crop, crop, crop), mode="reflect")
        top, left = torch.randint(0, 2 * crop + 1, (2, n, 1), generator=generator).to(device)
        rows = (top + torch.arange(h, device=device))[:, :, None]
        cols = (left + torch.arange(w, device=device))[:, None, :]
        sample = torch.arange(n, device=device)[:, None, None]
        images = padded[sample, :, rows, cols].permute(0, 3, 1, 2)
    return images
