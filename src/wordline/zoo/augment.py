"""Random crops and mirror images for a whole batch at once."""

import torch
from torch import Tensor
from torch.nn import functional


def augment(images: Tensor, crop: int, flip: bool, *, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `crop` pixels over its reflected border, and mirror half of them.

    `images` `(n, c, h, w)` floating point -> same shape; every draw comes from `generator`.

    >>> x = torch.rand(4, 3, 8, 8)
    >>> torch.equal(augment(x, 0, False, generator=torch.Generator()), x)
    True
    """
    n, _, h, w = images.shape
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        images = torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(3), images)
    if crop:
        padded = functional.pad(images, (crop, crop, crop, crop), mode="reflect")
        top, left = torch.randint(0, 2 * crop + 1, (2, n, 1), generator=generator).to(images.device)
        rows = (top + torch.arange(h, device=images.device))[:, :, None]
        cols = (left + torch.arange(w, device=images.device))[:, None, :]
        sample = torch.arange(n, device=images.device)[:, None, None]
        images = padded[sample, :, rows, cols].permute(0, 3, 1, 2)
    return images
