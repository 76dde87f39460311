"""Settings of a training: a recipe is a value, so that a card can hold it and anyone repeat it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from ..values import Value, require_choice, require_instance, require_integer, require_number
from .forward import AbstractTrainingForward, IdentityForward
from .objective import AbstractObjective, CrossEntropy
from .schedules import AbstractSchedule, Milestones, OneCycle

PRECISIONS = ("auto", "fp32", "bf16")


@final
@dataclass(frozen=True)
class Recipe(Value):
    """SGD with momentum over batches of one size; an incomplete last batch of an epoch is left out.

    `objective`: the loss to minimise; `CrossEntropy()`, or a robust one of `wordline.defenses`.
    `forward`: the forward pass during training; `IdentityForward()` runs the network itself,
    `OnChip` and `MatchedNoise` of `wordline.defenses` a chip or its noise.
    `frozen_batch_norm`: its statistics stay as they are and are used as after training; scales and
    shifts go on learning.
    `validation`: share of the training images, the first ones, never trained on; the epoch with the
    best score there, by the objective, is kept. 0 trains on all images and keeps the last epoch.
    `precision`: "bf16" autocasts the matrix products, "auto" does so where the processor has bf16
    arithmetic.
    `crop`: pixels of reflected border for random crops; `flip`: random mirror images (never for
    digits).

    >>> Recipe.preset("papers").epochs
    200
    """

    epochs: int
    batch_size: int = 128
    schedule: AbstractSchedule = field(default_factory=OneCycle)
    momentum: float = 0.9
    weight_decay: float = 5e-4
    crop: int = 4
    flip: bool = True
    precision: str = "auto"
    nesterov: bool = True
    objective: AbstractObjective = field(default_factory=CrossEntropy)
    forward: AbstractTrainingForward = field(default_factory=IdentityForward)
    validation: float = 0.0
    frozen_batch_norm: bool = False

    def __post_init__(self) -> None:
        require_integer("epochs", self.epochs, at_least=1)
        require_integer("batch_size", self.batch_size, at_least=2)
        require_instance("schedule", self.schedule, AbstractSchedule)
        require_number("momentum", self.momentum, at_least=0.0, at_most=0.9999)
        require_number("weight_decay", self.weight_decay, at_least=0.0)
        require_integer("crop", self.crop, at_least=0)
        require_instance("flip", self.flip, bool)
        require_choice("precision", self.precision, PRECISIONS)
        require_instance("nesterov", self.nesterov, bool)
        require_instance("objective", self.objective, AbstractObjective)
        require_instance("forward", self.forward, AbstractTrainingForward)
        require_instance("frozen_batch_norm", self.frozen_batch_norm, bool)
        require_number("validation", self.validation, at_least=0.0, at_most=0.9)
        if self.nesterov and self.momentum == 0:
            raise ValueError(
                "`nesterov` needs `momentum` > 0, got 0; set `nesterov=False` for plain SGD"
            )

    @classmethod
    def preset(cls, name: str) -> Recipe:
        """Return a recipe by name: "papers" (arXiv 2109.09060), "fast" (ten epochs) or "digits"."""
        require_choice("name", name, tuple(PRESETS))
        return PRESETS[name]


PRESETS = {
    # section 3: SGD 0.1, momentum 0.9, weight decay 5e-4, batches of 128, milestones 80 and 120
    "papers": Recipe(epochs=200, schedule=Milestones(), nesterov=False, precision="fp32"),
    "fast": Recipe(epochs=10),
    # eight pixels leave room for shifts by one, and a mirrored 2 is no digit; fp32 is the same on
    # every machine
    "digits": Recipe(
        60, batch_size=64, schedule=OneCycle(peak_lr=0.05), crop=1, flip=False, precision="fp32"
    ),
}
