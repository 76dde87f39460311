"""A network in an audit: its correct answers, and the result of every attack on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from ...attacks import MIFGSM, PGD, AbstractAttack, Targeted, distance
from ...models import batches
from .crafting import QUERIES, AuditSettings, craft


@dataclass(frozen=True, eq=False)
class AttackResult:
    """Adversarial images, and the share of draws in which each image is answered correctly.

    `images` are clean where the attack did not run; `share` is the smaller of the shares of the
    clean and the adversarial image, so that an image that is answered wrongly to begin with counts
    as lost; `largest` is the largest change of a pixel.
    """

    images: Tensor
    share: Tensor
    largest: float

    @property
    def robust(self) -> Tensor:
        """Mask of the images answered correctly, clean and attacked, in half of the draws."""
        return self.share >= 0.5

    @property
    def accuracy(self) -> float:
        """RA: share of all images still correct, the mean over draws."""
        return float(self.share.mean())


def worst_of(one: AttackResult, other: AttackResult) -> AttackResult:
    """Take per image the result with fewer correct answers."""
    wins = other.share < one.share
    images = torch.where(wins.view(-1, *[1] * (one.images.ndim - 1)), other.images, one.images)
    share = torch.minimum(one.share, other.share)
    return AttackResult(images, share, max(one.largest, other.largest))


class AuditedModel:
    """A network under the settings of an audit.

    Answers of a stochastic one are means over draws, its attacks use EOT. `worst`: the share of
    right answers of each image over all attacks; `white_box`: the same over white-box attacks.
    """

    def __init__(self, model: nn.Module, settings: AuditSettings) -> None:
        self.model, self.settings = model, settings
        self._runs: dict[tuple[AbstractAttack, str, bytes], AttackResult] = {}
        self.worst = torch.ones(len(settings.labels), dtype=torch.float64)
        self.white_box = self.worst.clone()

    @cached_property
    def two_answers(self) -> tuple[Tensor, Tensor]:
        """Logits of the first batch, asked for twice."""
        images = self.prepare(self.settings.images[: self.settings.batch_size])
        with torch.no_grad():
            return self.model(images), self.model(images)

    @property
    def repeatable(self) -> bool:
        """True if two forwards of the first batch agree bit by bit."""
        return torch.equal(*self.two_answers)

    @cached_property
    def stochastic(self) -> bool:
        """True if the network declares itself stochastic, or does not repeat itself."""
        return bool(getattr(self.model, "stochastic", False)) or not self.repeatable

    @cached_property
    def clean(self) -> Tensor:
        """Share of draws in which each clean image is answered correctly, `(N,)`."""
        share = self.correct(self.settings.images).double().mean(0)
        self.worst = torch.minimum(self.worst, share)
        self.white_box = torch.minimum(self.white_box, share)
        return share

    @property
    def right(self) -> Tensor:
        """S: the correctly classified images, `(N,)` bool."""
        return self.clean >= 0.5

    def prepare(self, images: Tensor) -> Tensor:
        """Move images to the network's device and precision."""
        return batches.prepare(self.model, images)

    def correct(self, images: Tensor, index: Tensor | None = None) -> Tensor:
        """Tell the images, those at `index`, that are classified correctly, `(draws, n)` bool."""
        labels = self.settings.labels if index is None else self.settings.labels[index]
        size, draws = self.settings.batch_size, self.settings.draws if self.stochastic else 1
        rows = [batches.correct(self.model, images, labels, batch_size=size) for _ in range(draws)]
        return torch.stack(rows)

    def adapted(self, attack: AbstractAttack) -> AbstractAttack:
        """Make an attack strongest on this network.

        Over draws of a stochastic network; on another one it stops at the first success.
        """
        if isinstance(attack, Targeted):
            return attack.with_inner(self.adapted)
        if isinstance(attack, PGD) and not self.stochastic:
            return replace(attack, early_stop=True)
        if isinstance(attack, PGD | MIFGSM) and self.stochastic:
            return replace(attack, eot=max(attack.eot, self.settings.eot))
        return attack

    def attack(
        self, attack: AbstractAttack, *, on: Tensor, stream: str = "", counts: bool = True
    ) -> AttackResult:
        """Run a white-box attack, adapted to the network, on the images of a mask, once."""
        return self.attack_as_given(self.adapted(attack), on=on, stream=stream, counts=counts)

    def attack_as_given(
        self,
        attack: AbstractAttack,
        *,
        on: Tensor,
        stream: str = "",
        source: nn.Module | None = None,
        counts: bool = True,
    ) -> AttackResult:
        """Run an attack without adapting it; images may be crafted on another network, `source`.

        `counts=False`: at another radius, so that it says nothing about robustness at this one.
        """
        key = (attack, f"{stream}/{id(source)}", on.numpy().tobytes())
        if key not in self._runs:
            index = on.nonzero().squeeze(1)
            crafted = self.craft(attack, index, stream, self.model if source is None else source)
            white_box = source is None and not isinstance(attack, QUERIES)
            self._runs[key] = self.judge(crafted, index, white_box=white_box, counts=counts)
        return self._runs[key]

    def judge(
        self, crafted: Tensor, index: Tensor, *, white_box: bool, counts: bool = True
    ) -> AttackResult:
        """Score adversarial images and note what they break."""
        found = self.score(crafted, index)
        if counts:
            self.worst = torch.minimum(self.worst, found.share)
            if white_box:
                self.white_box = torch.minimum(self.white_box, found.share)
        return found

    def craft(
        self, attack: AbstractAttack, index: Tensor, stream: str, source: nn.Module
    ) -> Tensor:
        """Attack the images at `index` (see `crafting.craft`)."""
        return craft(source, attack, self.settings, index, stream)

    def to_the_end(self, attack: PGD, on: Tensor, stream: str) -> Tensor:
        """Return images of an attack that never stops early, made on this network, `(N, ...)`.

        An image that the stopping run did not break has been to the end there, and is not run
        again. Clean images where `on` is false.
        """
        images, rest = self.settings.images.to(batches.dtype_of(self.model), copy=True), on
        if not self.stochastic:
            stopped = self.attack(attack, on=self.right, stream=stream)
            known = on & self.right & stopped.robust
            images[known], rest = stopped.images[known], on & ~known
        index = rest.nonzero().squeeze(1)
        images[index] = self.craft(attack, index, stream, self.model).to(images)
        return images

    def score(self, crafted: Tensor, index: Tensor) -> AttackResult:
        """Score adversarial images at `index`, on draws that no attack has seen."""
        share, images = self.clean.clone(), self.settings.images.to(crafted.dtype, copy=True)
        largest = 0.0
        if len(index):
            # negated, so that NaN counts as infinitely far
            gap = distance(images[index], crafted, "linf")
            largest = float(torch.where(gap >= 0, gap, torch.inf).max())
            right = self.correct(crafted, index).double().mean(0)
            share[index] = torch.minimum(share[index], right)
            images[index] = crafted
        return AttackResult(images, share, largest)
