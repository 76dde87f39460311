"""How a network is trained: a recipe is a value, so a card can say it and anyone can repeat it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..values import Value, require_choice, require_instance, require_integer, require_number
from .forward import AbstractBody, Plain
from .objective import AbstractObjective, CrossEntropy
from .schedules import AbstractSchedule, Milestones, OneCycle

PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Recipe(Value):
    """SGD with momentum over batches of one size; what is left over in an epoch is left out.

    `objective`: what is made small; `CrossEntropy()`, or a robust one of `wordline.defenses`.
    `body`: what the network runs on meanwhile; `Plain()`, itself, or a chip of `wordline.defenses`.
    `frozen_batch_norm`: statistics stay as they are, in use as after training; scales and shifts go on learning.
    `validation`: the first part of the training images, never trained on; the epoch whose network has the best score
    there is kept, by the score of the objective. 0 trains on all images and keeps the last epoch.
    `precision`: "bf16" autocasts the matrix products, "auto" does so where the processor has bf16 arithmetic.
    `crop`: pixels of reflected border for random crops, `flip`: random mirror images (never for digits).

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
    body: AbstractBody = field(default_factory=Plain)
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
        require_instance("body", self.body, AbstractBody)
        require_instance("frozen_batch_norm", self.frozen_batch_norm, bool)
        require_number("validation", self.validation, at_least=0.0, at_most=0.9)
        if self.nesterov and self.momentum == 0:
            raise ValueError("`nesterov` needs `momentum` > 0, got 0; set `nesterov=False` for plain SGD")

    @classmethod
    def preset(cls, name: str) -> Recipe:
        """A recipe by name: "papers" (arXiv 2109.09060), "fast" (one cycle of ten epochs), "digits"."""
        require_choice("name", name, tuple(PRESETS))
        return PRESETS[name]


PRESETS = {
    # SGD 0.1, momentum 0.9, weight decay 5e-4, 80 and 120 of 200 epochs, batches of 128, no Nesterov: section 3
    "papers": Recipe(epochs=200, schedule=Milestones(), nesterov=False, precision="fp32"),
    "fast": Recipe(epochs=10),
    # eight pixels leave room for shifts by one, and a mirrored 2 is no digit; fp32, so that every machine repeats it
    "digits": Recipe(60, batch_size=64, schedule=OneCycle(peak_lr=0.05), crop=1, flip=False, precision="fp32"),
}
