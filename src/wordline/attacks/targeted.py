"""PGD towards one class: the k-th likeliest wrong one, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from wordline.attacks.attack import AbstractAttack, check_batch, check_labels
from wordline.attacks.losses import TARGETED
from wordline.attacks.norms import Norm
from wordline.attacks.objective import Model, Objective
from wordline.attacks.pgd import PGD
from wordline.typing import Images, Labels
from wordline.values import require_instance, require_integer


@final
@dataclass(frozen=True)
class Targeted(AbstractAttack):
    """Runs `attack` with its loss aimed at one class for each image.

    - `rank`: the wrong class that is so-many-th likeliest on the clean image (1 = runner-up); ranks beyond the last
      wrong class mean the last. `MultiTargeted` visits several ranks and stops at the first success; this is one of
      them alone, for stochastic models, where a success is only known from draws the attack has not seen.
    - `targets`: the user's own, one for each class in turn: images of class k are moved towards `targets[k]`, whatever
      `rank` is. Images of the class that they shall reach come back unchanged. With `early_stop` an image stops where
      it reaches its target, not at the first misclassification.
    - targets image by image: `attack.towards(model, images, labels, targets)`.

    >>> pixels_are_logits, images = torch.nn.Identity(), torch.tensor([[0.75, 0.5, 0.25]])
    >>> attack = Targeted(PGD(eps=0.5, steps=4, random_start=False), rank=2)
    >>> attack(pixels_are_logits, images, torch.tensor([0]))
    tensor([[0.2500, 0.5000, 0.7500]])
    >>> next_class = Targeted(attack.attack, targets=(1, 2, 0))
    >>> next_class(pixels_are_logits, images, torch.tensor([0]))
    tensor([[0.2500, 1.0000, 0.2500]])
    """

    attack: PGD
    rank: int = 1
    targets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_instance("attack", self.attack, PGD)
        require_integer("rank", self.rank, at_least=1)
        require_instance("targets", self.targets, tuple)
        for target in self.targets:
            require_integer("targets", target, at_least=0)

    @property
    def eps(self) -> float:  # type: ignore[override]  # read-only here: the inner attack has it
        """The radius of the inner attack."""
        return self.attack.eps

    @property
    def norm(self) -> Norm:  # type: ignore[override]
        """The norm of the inner attack."""
        return self.attack.norm

    def for_transfer(self) -> Targeted:
        """To the end."""
        return replace(self, attack=self.attack.for_transfer())

    def towards(
        self, model: Model, images: Tensor, labels: Tensor, targets: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Move each image towards its own entry of `targets`, `(n,)` integers; `rank` and the field are not asked.

        Arguments and errors as those of a call of the attack, and those of `labels` for `targets` as well.
        """
        check_batch(images, labels)
        check_labels("targets", targets, images)

        def perturb(model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
            return self._climb_towards(targets.to(labels.dtype), model, images, labels, generator)

        return self._guarded(perturb, model, images, labels, generator)

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """One climb towards the class of that rank, or the one that `targets` names."""
        if self.targets:
            if (largest := int(labels.max())) >= len(self.targets):
                raise ValueError(
                    f"`targets` names a class for each of {len(self.targets)}, but `labels` hold class {largest}; "
                    "name one for every class"
                )
            aims = torch.tensor(self.targets, device=labels.device)[labels]
            return self._climb_towards(aims, model, images, labels, generator)
        logits = model(images)
        ranked = logits.scatter(1, labels.unsqueeze(1), -torch.inf).argsort(dim=1, descending=True, stable=True)
        aims = ranked[:, min(self.rank, logits.shape[1] - 1) - 1]
        objective = Objective(model, TARGETED[self.attack.loss], (labels, aims), self.attack.eot)
        return self.attack.climb(objective, images, generator)

    def _climb_towards(
        self, aims: Labels, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        """The climb of every image whose target is another class than its own."""
        largest, movable = int(aims.max()), aims != labels

        def logits_of(images: Images) -> Tensor:
            logits = model(images)
            if largest >= logits.shape[1]:
                raise ValueError(f"`targets` hold class {largest}, but the model has only {logits.shape[1]} logits")
            return logits

        moved = images.clone()
        if movable.any():
            aim = labels[movable], aims[movable]
            objective = Objective(logits_of, TARGETED[self.attack.loss], aim, self.attack.eot, reach=True)
            moved[movable] = self.attack.climb(objective, images[movable], generator)
        return moved
