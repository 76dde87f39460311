"""PGD towards one class: the k-th likeliest wrong one, or the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from ..typing import Images, Labels, Logits
from ..values import require_instance, require_integer
from .attack import AbstractAttack, check_batch, check_labels
from .objective import Model, Objective
from .pgd import PGD
from .targeted_losses import TARGETED
from .wrapped import AbstractWrappedAttack


@final
@dataclass(frozen=True)
class Targeted(AbstractWrappedAttack):
    """PGD with its loss aimed at one class for each image.

    - `rank`: the wrong class that is so-many-th likeliest on the clean image (1 = runner-up); ranks
      beyond the last wrong class mean the last. `MultiTargeted` visits several ranks and stops at
      the first success; this is one of them alone, for stochastic models, where a success is only
      known from draws the attack has not seen.
    - `targets`: the user's own, one for each class in turn: images of class k are moved towards
      `targets[k]`, and `rank` is not used. Images of the class that they shall reach come back
      unchanged. With `early_stop` an image stops where it reaches its target, not at the first
      misclassification.
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
    def inner(self) -> tuple[AbstractAttack, ...]:
        return (self.attack,)

    def with_inner(self, change: Callable[[AbstractAttack], AbstractAttack]) -> Targeted:
        return replace(self, attack=change(self.attack))  # type: ignore[arg-type]  # is checked

    def towards(
        self,
        model: Model,
        images: Tensor,
        labels: Tensor,
        targets: Tensor,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Move each image towards its own entry of `targets`, `(n,)` integers.

        The fields `rank` and `targets` are not used. Arguments and errors are those of a call of
        the attack, and those of `labels` hold for `targets` as well.
        """
        check_batch(images, labels)
        check_labels("targets", targets, images)

        def perturb(
            model: Model, images: Images, labels: Labels, generator: torch.Generator
        ) -> Images:
            return self._reach(targets.to(labels.dtype), model, images, labels, generator)

        return self._guarded(perturb, model, images, labels, generator)

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        if self.targets:
            if (largest := int(labels.max())) >= len(self.targets):
                raise ValueError(
                    f"`targets` names a class for each of {len(self.targets)}, but `labels` hold "
                    f"class {largest}; name one for every class"
                )
            aims = torch.tensor(self.targets, device=labels.device)[labels]
            return self._reach(aims, model, images, labels, generator)
        ranked = rank_wrong_classes(model(images), labels)
        aims = ranked[:, min(self.rank, ranked.shape[1]) - 1]
        objective = Objective(model, TARGETED[self.attack.loss], (labels, aims), self.attack.eot)
        return self.attack.maximise(objective, images, generator)

    def _reach(
        self, aims: Labels, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        """Move every image whose target is another class than its own."""
        largest, movable = int(aims.max()), aims != labels

        def logits_of(images: Images) -> Tensor:
            logits = model(images)
            if largest >= logits.shape[1]:
                raise ValueError(
                    f"`targets` hold class {largest}, but the model has only "
                    f"{logits.shape[1]} logits"
                )
            return logits

        moved = images.clone()
        if movable.any():
            loss, aim = TARGETED[self.attack.loss], (labels[movable], aims[movable])
            objective = Objective(logits_of, loss, aim, self.attack.eot, reach=True)
            moved[movable] = self.attack.maximise(objective, images[movable], generator)
        return moved


def rank_wrong_classes(logits: Logits, labels: Labels) -> Tensor:
    """Order the wrong classes of each sample by their logits, the likeliest first.

    >>> rank_wrong_classes(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]))
    tensor([[2, 1]])
    """
    wrong = logits.scatter(1, labels.unsqueeze(1), -torch.inf)
    return wrong.argsort(dim=1, descending=True, stable=True)[:, :-1]
