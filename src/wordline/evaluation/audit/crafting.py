"""Adversarial images of an audit: the same random numbers for every network that is attacked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from ...attacks import PGD, AbstractAttack, HopSkipJump, RandomSearch, Square
from ...attacks.balls import ball
from ...models import batches
from ...seeds import stream_seed

QUERY_BLOCK: Final = 500  # images a query attack is given: its random numbers depend on it
QUERIES: Final = (RandomSearch, Square, HopSkipJump)


@dataclass(frozen=True, eq=False)
class AuditSettings:
    """Images and settings that are the same for every network of an audit."""

    images: Tensor  # (N, C, H, W) float in [0, 1]
    labels: Tensor  # (N,)
    batch_size: int
    seed: int
    draws: int
    eot: int


def craft(
    source: nn.Module, attack: AbstractAttack, settings: AuditSettings, index: Tensor, stream: str
) -> Tensor:
    """Attack the images at `index` by one stream of random numbers.

    A random start of PGD is drawn for every image of the audit, so it belongs to the image:
    whatever the network, the radius and the other images. No network is given more than
    `batch_size` images at once.
    """
    size, generator = settings.batch_size, torch.Generator()
    generator.manual_seed(stream_seed(settings.seed, stream))
    call: batches.Attack = attack
    if isinstance(attack, PGD) and attack.random_start and attack.restarts == 1:
        everything = settings.images.to(batches.dtype_of(source))
        starts = ball(attack.norm, everything, attack.eps).random_point(generator)[index]
        call = _started(attack, starts.split(size))
    elif isinstance(attack, QUERIES):
        call, size = _in_batches(attack, size), QUERY_BLOCK
    images, labels = settings.images[index], settings.labels[index]
    crafted = batches.craft(
        source, call, images, labels, batch_size=size, generator=lambda start: generator
    )
    found = [adversarial.cpu() for _, adversarial in crafted]
    return torch.cat(found) if found else images


def _started(attack: PGD, starts: Iterable[Tensor]) -> batches.Attack:
    """Return the attack from given starts, those of one batch after the other."""
    upcoming = iter(starts)

    def call(model: nn.Module, images: Tensor, labels: Tensor, generator: object) -> Tensor:
        return attack.from_start(model, images, labels, next(upcoming).to(images.device))

    return call


def _in_batches(attack: AbstractAttack, size: int) -> batches.Attack:
    """Return the attack on a network that is given at most `size` images at once."""

    def call(
        model: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        def split(images: Tensor) -> Tensor:
            return torch.cat([model(part) for part in images.split(size)])

        return attack(split, images, labels, generator=generator)

    return call
