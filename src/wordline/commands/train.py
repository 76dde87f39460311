"""The command `train`: a network and its card."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ..progress import Bar
from ..values import require_integer, require_number
from .option_groups import Chip, ChipOptions
from .options import EPS, Number, asked_as, data_of, said

if TYPE_CHECKING:
    from .. import training


@dataclass(frozen=True)
class RecipeOptions:
    """The training; an option that is left out takes the recipe's.

    Args:
        recipe: fast (one cycle of ten epochs), papers (arXiv 2109.09060, 200 epochs) or digits; by
            default the one that suits the data.
        epochs: other than the recipe's; its milestones move along.
        batch_size: other than the recipe's.
        lr: peak or initial learning rate other than the recipe's.
        precision: auto, fp32 or bf16, other than the recipe's.
        validation: share of the training images, the first ones, that choose the epoch to keep: by
            accuracy, or by robust accuracy where there is a defense.
        frozen_batch_norm: leave the statistics of batch norm as they are.
    """

    recipe: str = ""
    epochs: int = 0
    batch_size: int = 0
    lr: float = 0.0
    precision: str = ""
    validation: float = 0.0
    frozen_batch_norm: bool = False

    def load(self, data: str) -> training.Recipe:
        """Return the recipe for a data set."""
        from ..training import Recipe

        with asked_as("recipe"):
            default = "digits" if data == "digits" else "fast"
            chosen = Recipe.preset(self.recipe or default)
        given: dict[str, Any] = {
            "epochs": self.epochs, "batch_size": self.batch_size, "precision": self.precision,
        }  # fmt: skip
        longer = (self.epochs or chosen.epochs) / chosen.epochs
        return dataclasses.replace(
            chosen,
            schedule=chosen.schedule.rescale(self.lr, longer),
            validation=self.validation,
            frozen_batch_norm=self.frozen_batch_norm,
            **{name: value for name, value in given.items() if value},
        )


@dataclass(frozen=True)
class DefenseOptions:
    """The defense.

    Args:
        defense: none, pgd (adversarial training with PGD), fgsm-rs (fast FGSM from random starts)
            or trades.
        eps: Linf radius of the defense's attack; 8/255 is a number here.
        attack_steps: of pgd or trades; 0 takes 7 and 10.
        attack_step_size: 0 takes 2.5 eps / steps for pgd, 1.25 eps for fgsm-rs, eps / 4 for trades.
        lipschitz: weight of the penalty on amplifying layers (Defensive Quantization).
    """

    defense: Literal["none", "pgd", "fgsm-rs", "trades"] = "none"
    eps: Number = EPS
    attack_steps: int = 0
    attack_step_size: Number = 0.0
    lipschitz: float = 0.0

    def load(self) -> training.AbstractObjective:
        """Return the objective of the training."""
        require_integer("attack_steps", self.attack_steps, at_least=0)
        require_number("attack_step_size", self.attack_step_size, at_least=0.0)
        self._refuse_idle_options()
        from ..defenses import (
            TRADES,
            AdversarialTraining,
            FastFGSM,
            LipschitzPenalty,
            training_attack,
        )
        from ..training import CrossEntropy

        eps, steps, size = self.eps, self.attack_steps, self.attack_step_size
        objective: training.AbstractObjective = CrossEntropy()
        if self.defense == "pgd":
            objective = AdversarialTraining(training_attack(eps, steps or 7, size or None))
        elif self.defense == "trades":
            objective = TRADES(eps, steps or 10, size or eps / 4)
        elif self.defense == "fgsm-rs":
            objective = FastFGSM(eps, size)
        return LipschitzPenalty(objective, self.lipschitz) if self.lipschitz else objective

    def suffix(self) -> list[str]:
        """Return the parts of a file name that tell the defense."""
        parts = [] if self.defense == "none" else [f"{self.defense}-{255 * self.eps:g}"]
        return parts + ["lipschitz"] * bool(self.lipschitz)

    def _refuse_idle_options(self) -> None:
        """Refuse options that would change nothing."""
        if self.defense == "none":
            given = {
                "eps": self.eps != EPS,
                "attack_steps": self.attack_steps != 0,
                "attack_step_size": self.attack_step_size != 0,
            }
            for name in (name for name, asked in given.items() if asked):
                raise ValueError(f"`{name}` belongs to a defense; name one by --defense")
            return
        if self.eps == 0:
            raise ValueError(
                "`eps` is 0, which defends against nothing; leave --defense out to train without "
                "one"
            )
        from ..attacks.norms import require_radius

        require_radius("eps", self.eps, above=0.0)
        if self.defense == "fgsm-rs" and self.attack_steps:
            raise ValueError(
                "`attack_steps` belongs to pgd and trades; fgsm-rs takes one step, got "
                f"{self.attack_steps}"
            )


def train(
    architecture: tyro.conf.Positional[str],
    data: str,
    root: str = "",
    recipe: tyro.conf.OmitArgPrefixes[RecipeOptions] = RecipeOptions(),
    defense: tyro.conf.OmitArgPrefixes[DefenseOptions] = DefenseOptions(),
    chip: Chip = ChipOptions(crossbar=""),
    *,
    out: Path = Path("runs/models"),
    name: str = "",
    half: bool = False,
    seed: int = 0,
    from_: Annotated[str, tyro.conf.arg(name="from")] = "",
    side: int = 0,
) -> None:
    """Train a network; write NAME.safetensors and NAME.json.

    An interrupted training resumes. With a crossbar the network trains on chips of it, a new one
    at each step.

    Args:
        architecture: one of the names in wordline.models.ARCHITECTURES, such as vgg8, vgg8-half,
            resnet10, digits-cnn.
        data: digits, cifar10, cifar100 or tiny-imagenet.
        root: local folder of parquet files or images; without it the data come from the hub.
        name: of the files; by default ARCHITECTURE-DATA and its special features, such as -pgd-8.
        half: store the weights as float16.
        from_: a network to start from, by name or file: fine-tuning.
        side: height and width of the images in pixels; 0 is the data set's own, and 32 the reduced
            copy of tiny-imagenet.
    """
    from .. import models, training
    from ..defenses import OnChip

    chosen = recipe.load(data)
    if chip.gain and not chip.crossbar:
        raise ValueError("`gain` belongs to a crossbar; name one by --crossbar")
    forward = OnChip(chip.load()) if chip.crossbar else training.IdentityForward()
    chosen = dataclasses.replace(chosen, objective=defense.load(), forward=forward)
    images = data_of(data, root, side)
    with asked_as("from"):
        initial = models.load_model(from_) if from_ else None
    parts = [architecture, images.name, *defense.suffix()]
    parts += [f"on-{Path(chip.crossbar).stem}"] if chip.crossbar else []
    card = training.train(
        architecture, images, chosen, out, seed=seed, half=half, name=name or "-".join(parts),
        initial=initial, command=said(), progress=Bar(),
    )  # fmt: skip
    print(card.to_json())
