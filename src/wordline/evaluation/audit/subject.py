"""A network on the bench: its answers, and every attack on it run once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from ...attacks import (
    MIFGSM,
    PGD,
    AbstractAttack,
    HopSkipJump,
    RandomSearch,
    Square,
    Targeted,
    distance,
)
from ...seeds import stream_seed
from ..party import device_of, dtype_of

QUERY_BLOCK = 100  # images a query attack sees at once, whatever the batch size: its random numbers depend on it
QUERIES = (RandomSearch, Square, HopSkipJump)


@dataclass(frozen=True, eq=False)
class Conditions:
    """What is shown to every network on the bench, and how."""

    images: Tensor  # (N, C, H, W) float in [0, 1]
    labels: Tensor  # (N,)
    batch_size: int
    seed: int
    draws: int
    eot: int


@dataclass(frozen=True, eq=False)
class Attacked:
    """Adversarial images and the share of draws in which the clean and the adversarial image are answered correctly.

    `images` are clean where the attack did not run; `share` is the smaller of the two shares, so that an image that is
    answered wrongly to begin with counts as lost.
    """

    images: Tensor
    share: Tensor
    largest: float

    @property
    def stands(self) -> Tensor:
        """Which images are answered correctly, clean and attacked, in at least half of the draws."""
        return self.share >= 0.5

    @property
    def accuracy(self) -> float:
        """RA: share of all images still correct, the mean over draws."""
        return float(self.share.mean())


class Subject:
    """A network under the bench's conditions. Answers of a stochastic one are means over draws, its attacks use EOT."""

    def __init__(self, model: nn.Module, conditions: Conditions) -> None:
        self.model, self.conditions = model, conditions
        self._runs: dict[tuple[AbstractAttack, str, bytes], Attacked] = {}
        self.worst = torch.ones(len(conditions.labels), dtype=torch.float64)  # share of right answers over all attacks
        self.white = self.worst.clone()  # the same over white-box attacks alone

    @cached_property
    def repeatable(self) -> bool:
        """Whether two forwards of the first batch agree bit by bit."""
        images = self.given(self.conditions.images[: self.conditions.batch_size])
        with torch.no_grad():
            return torch.equal(self.model(images), self.model(images))

    @cached_property
    def stochastic(self) -> bool:
        """By its own word, or because it does not repeat itself."""
        return bool(getattr(self.model, "stochastic", False)) or not self.repeatable

    @cached_property
    def clean(self) -> Tensor:
        """Share of draws in which each clean image is answered correctly, `(N,)`."""
        share = self.answers(self.conditions.images).double().mean(0)
        self.worst, self.white = torch.minimum(self.worst, share), torch.minimum(self.white, share)
        return share

    @property
    def right(self) -> Tensor:
        """S: the correctly classified images, `(N,)` bool."""
        return self.clean >= 0.5

    def given(self, images: Tensor) -> Tensor:
        """Images where the network is, in its precision."""
        return images.to(device_of(self.model), dtype_of(self.model))

    def answers(self, images: Tensor, places: Tensor | None = None) -> Tensor:
        """Whether each image is classified correctly, `(draws, n)` bool; NaN logits are wrong."""
        labels = self.conditions.labels if places is None else self.conditions.labels[places]
        size, draws = self.conditions.batch_size, self.conditions.draws if self.stochastic else 1
        rows = []
        with torch.no_grad():
            for _ in range(draws):
                hits = []
                for start in range(0, len(labels), size):
                    logits = self.model(self.given(images[start : start + size])).cpu()
                    hit = logits.argmax(1) == labels[start : start + size]
                    hits.append(hit & logits.isfinite().all(1))
                rows.append(torch.cat(hits) if hits else torch.zeros(0, dtype=torch.bool))
        return torch.stack(rows)

    def adapted(self, attack: AbstractAttack) -> AbstractAttack:
        """The attack as it is strongest here: over draws of a stochastic network, else to the first success."""
        if isinstance(attack, Targeted):
            inner = self.adapted(attack.attack)
            return replace(attack, attack=inner) if isinstance(inner, PGD) else attack
        if isinstance(attack, PGD):
            return (
                replace(attack, eot=max(attack.eot, self.conditions.eot))
                if self.stochastic
                else replace(attack, early_stop=True)
            )
        if isinstance(attack, MIFGSM) and self.stochastic:
            return replace(attack, eot=max(attack.eot, self.conditions.eot))
        return attack

    def attack(self, attack: AbstractAttack, *, on: Tensor, stream: str = "", counts: bool = True) -> Attacked:
        """Run a white-box attack, adapted to the network, on the images of a mask; once, however often asked for."""
        return self.attack_as_given(self.adapted(attack), on=on, stream=stream, counts=counts)

    def attack_as_given(
        self,
        attack: AbstractAttack,
        *,
        on: Tensor,
        stream: str = "",
        source: nn.Module | None = None,
        counts: bool = True,
    ) -> Attacked:
        """The same without adapting it; the images may be crafted on another network, `source`.

        `counts=False`: at another radius, so that it says nothing about who survives this one.
        """
        key = (attack, f"{stream}/{id(source)}", on.numpy().tobytes())
        if key not in self._runs:
            places = on.nonzero().squeeze(1)
            made = self.craft(attack, places, stream, self.model if source is None else source)
            self._runs[key] = found = self.shown(made, places)
            if counts:
                self.worst = torch.minimum(self.worst, found.share)
                if source is None and not isinstance(attack, QUERIES):
                    self.white = torch.minimum(self.white, found.share)
        return self._runs[key]

    def craft(self, attack: AbstractAttack, places: Tensor, stream: str, source: nn.Module) -> Tensor:
        """Adversarial versions of the images at `places`; one stream of random numbers through all batches."""
        size = QUERY_BLOCK if isinstance(attack, QUERIES) else self.conditions.batch_size
        generator, made = torch.Generator().manual_seed(stream_seed(self.conditions.seed, stream)), []
        images, labels = self.conditions.images[places], self.conditions.labels[places]
        device, dtype = device_of(source), dtype_of(source)
        for start in range(0, len(places), size):
            batch, aims = images[start : start + size].to(device, dtype), labels[start : start + size].to(device)
            made.append(attack(source, batch, aims, generator=generator).cpu())
        return torch.cat(made) if made else images

    def shown(self, made: Tensor, places: Tensor) -> Attacked:
        """The network's answers to adversarial images at `places`, on draws that no attack has seen."""
        share, images = self.clean.clone(), self.conditions.images.to(made.dtype, copy=True)
        largest = 0.0
        if len(places):
            # negated, so that NaN counts as infinitely far
            gap = distance(images[places], made, "linf")
            largest = float(torch.where(gap >= 0, gap, torch.inf).max())
            share[places] = torch.minimum(share[places], self.answers(made, places).double().mean(0))
            images[places] = made
        return Attacked(images, share, largest)
