"""Votes of a randomised network: how often each class is its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...hooks import forward_hooks
from ...progress import Advance


def count_votes(victim: nn.Module, images: Tensor, reads: int, advance: Advance) -> Tensor:
    """Count the answers of so many passes over a batch, `(images, classes + 1)`.

    The last column counts logits that are not finite, which are no answer. Each pass reads every
    image once: what a pass draws for all of its images alike, as read noise of devices, is then
    independent from one read of an image to the next.
    """
    with torch.no_grad():
        counts = torch.zeros(0, dtype=torch.int64)
        for _ in range(reads):
            logits = victim(images)
            answers = logits.argmax(1).where(logits.isfinite().all(1), logits.shape[1]).cpu()
            if not len(counts):
                counts = torch.zeros(len(images), logits.shape[1] + 1, dtype=torch.int64)
            counts[torch.arange(len(images)), answers] += 1
            advance(len(images), "")
    return counts


@contextmanager
def counted_passes(victim: nn.Module) -> Iterator[list[int]]:
    """Count the images of every pass through a network, in the one number of the list."""
    passes = [0]

    def count(_: str, __: nn.Module, given: tuple[Tensor, ...], ___: Tensor) -> None:
        passes[0] += len(given[0])

    with forward_hooks({"": victim}, count):
        yield passes
