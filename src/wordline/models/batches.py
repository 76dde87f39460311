"""Batch loops over images: logits, right answers and adversarial images of a network.

Each loop moves images to the network's device and precision, so that no caller has to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..datasets import to_float

Attack = Callable[..., Tensor]  # called attack(model, images, labels, generator=...)


class Batch(NamedTuple):
    """Images and labels where a network is; `start` is the index of the first of them."""

    start: int
    images: Tensor
    labels: Tensor


def device_of(model: nn.Module) -> torch.device:
    """Tell the device of a network's numbers; the CPU for one without any."""
    return next((x.device for x in chain(model.parameters(), model.buffers())), torch.device("cpu"))


def dtype_of(model: nn.Module) -> torch.dtype:
    """Tell the precision of a network: that of its first floating-point number, else float32."""
    numbers = chain(model.parameters(), model.buffers())
    return next((x.dtype for x in numbers if x.is_floating_point()), torch.float32)


def prepare(model: nn.Module, images: Tensor) -> Tensor:
    """Convert images to floats on the device and in the precision of a network.

    >>> prepare(nn.Linear(2, 1).double(), torch.tensor([[0, 255]], dtype=torch.uint8)).tolist()
    [[0.0, 1.0]]
    """
    return to_float(images).to(device_of(model), dtype_of(model))


def batches(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int) -> Iterator[Batch]:
    """Split images and labels into batches for a network."""
    device = device_of(model)
    for start in range(0, len(labels), batch_size):
        part = slice(start, start + batch_size)
        yield Batch(start, prepare(model, images[part]), labels[part].to(device))


def predict(model: nn.Module, images: Tensor, *, batch_size: int) -> Tensor:
    """Compute logits `(N, classes)` without gradients, on the CPU.

    >>> predict(nn.Flatten(), torch.ones(3, 1, 2), batch_size=2).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    with torch.no_grad():
        parts = images.split(batch_size)
        return torch.cat([model(prepare(model, part)).cpu() for part in parts])


def correct(model: nn.Module, images: Tensor, labels: Tensor, *, batch_size: int) -> Tensor:
    """Tell the images that a network classifies correctly, `(N,)` bool.

    Logits that are not finite count as wrong.

    >>> images = torch.tensor([[[1.0, 0.0]], [[1.0, torch.nan]]])
    >>> correct(nn.Flatten(), images, torch.tensor([0, 0]), batch_size=100).tolist()
    [True, False]
    """
    if len(labels) == 0:
        return torch.zeros(0, dtype=torch.bool)
    return hits(predict(model, images, batch_size=batch_size), labels)


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Tell the rows of finite logits whose largest is that of the label, `(N,)` bool."""
    return (logits.argmax(1) == labels) & logits.isfinite().all(1)


def craft(
    source: nn.Module,
    attack: Attack,
    images: Tensor,
    labels: Tensor,
    *,
    batch_size: int,
    generator: Callable[[int], torch.Generator],
) -> Iterator[tuple[Batch, Tensor]]:
    """Attack images batch by batch; yields each batch and its adversarial images.

    `generator(start)` gives the random numbers of the batch that begins at image `start`; it is
    called just before that batch is attacked.
    """
    for batch in batches(source, images, labels, batch_size):
        stream = generator(batch.start)
        yield batch, attack(source, batch.images, batch.labels, generator=stream).detach()
