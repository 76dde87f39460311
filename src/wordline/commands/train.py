"""`train`: a network and its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from .. import models, training
from ..attacks.norms import require_radius
from ..defenses import TRADES, AdversarialTraining, FastFGSM, LipschitzPenalty, OnChip, training_attack
from ..progress import Bar
from ..values import require_integer, require_number
from .options import EPS, Number, asked_as, crossbar_of, data_of, said

Defense = Literal["none", "pgd", "fgsm-rs", "trades"]


def train(
    architecture: tyro.conf.Positional[str],
    data: str,
    root: str = "",
    out: Path = Path("runs/models"),
    name: str = "",
    recipe: str = "",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    precision: str = "",
    half: bool = False,
    seed: int = 0,
    validation: float = 0.0,
    defense: Defense = "none",
    eps: Number = EPS,
    attack_steps: int = 0,
    attack_step_size: Number = 0.0,
    lipschitz: float = 0.0,
    crossbar: str = "",
    gain: str = "",
    from_: Annotated[str, tyro.conf.arg(name="from")] = "",
    frozen_batch_norm: bool = False,
) -> None:
    """Train a network; leaves NAME.safetensors and NAME.json, and resumes where it was interrupted.

    Args:
        architecture: one of the names in wordline.models.ARCHITECTURES, such as vgg8, vgg8-half, resnet10, digits-cnn.
        data: digits, cifar10, cifar100 or tiny-imagenet.
        root: local folder of parquet files or images; without it the data come from the hub.
        name: of the files; by default ARCHITECTURE-DATA, then what makes it special, such as -pgd-8.
        recipe: fast (one cycle of ten epochs), papers (arXiv 2109.09060, 200 epochs) or digits; by default what suits.
        epochs: other than the recipe's; its milestones move along.
        batch_size: other than the recipe's.
        lr: peak or initial learning rate other than the recipe's.
        precision: auto, fp32 or bf16, other than the recipe's.
        half: store the weights as float16.
        validation: share of the training images, the first ones, that choose the epoch to keep: by accuracy, or by
            robust accuracy where there is a defense.
        defense: none, pgd (adversarial training with PGD), fgsm-rs (fast FGSM from random starts) or trades.
        eps: Linf radius of the defense's attack; 8/255 is a number here.
        attack_steps: of pgd or trades; 0 takes 7 and 10.
        attack_step_size: 0 takes 2.5 eps / steps for pgd, 1.25 eps for fgsm-rs, eps / 4 for trades.
        lipschitz: weight of the penalty on amplifying layers (Defensive Quantization).
        crossbar: preset or JSON file; the network then trains on chips of it, a new one at each step.
        gain: unit, least-squares or per-column, other than the crossbar's.
        from_: a network to start from, by name or file: fine-tuning.
        frozen_batch_norm: leave the statistics of batch norm as they are.
    """
    with asked_as("recipe"):
        chosen = training.Recipe.preset(recipe or ("digits" if data == "digits" else "fast"))
    require_integer("attack_steps", attack_steps, at_least=0)
    require_number("attack_step_size", attack_step_size, at_least=0.0)
    if gain and not crossbar:
        raise ValueError("`gain` belongs to a crossbar; name one by --crossbar")
    _belongs(defense, eps, attack_steps, attack_step_size)
    objective = _objective(defense, eps, attack_steps, attack_step_size)
    if lipschitz:
        objective = LipschitzPenalty(objective, lipschitz)
    changes: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "precision": precision}
    chosen = dataclasses.replace(
        chosen,
        schedule=chosen.schedule.rescale(lr, (epochs or chosen.epochs) / chosen.epochs),
        objective=objective,
        forward=OnChip(crossbar_of(crossbar, gain)) if crossbar else training.IdentityForward(),
        validation=validation,
        frozen_batch_norm=frozen_batch_norm,
        **{name: value for name, value in changes.items() if value},
    )
    images = data_of(data, root)
    with asked_as("from"):
        initial = models.load_model(from_) if from_ else None
    parts = [architecture, data, *([f"{defense}-{255 * eps:g}"] if defense != "none" else [])]
    parts += ["lipschitz"] * bool(lipschitz) + [f"on-{Path(crossbar).stem}"] * bool(crossbar)
    card = training.train(
        architecture, images, chosen, out, seed=seed, half=half, name=name or "-".join(parts), initial=initial,
        command=said(), progress=Bar(),
    )  # fmt: skip
    print(card.to_json())


def _belongs(defense: Defense, eps: float, steps: int, step_size: float) -> None:
    """Refuse what would change nothing."""
    given = {"eps": eps != EPS, "attack_steps": steps != 0, "attack_step_size": step_size != 0}
    if defense == "none":
        for name in (name for name, asked in given.items() if asked):
            raise ValueError(f"`{name}` belongs to a defense; name one by --defense")
    if defense != "none" and eps == 0:
        raise ValueError("`eps` is 0, which defends against nothing; leave --defense out to train without one")
    if defense != "none":
        require_radius("eps", eps, above=0.0)
    if defense == "fgsm-rs" and steps:
        raise ValueError(f"`attack_steps` belongs to pgd and trades; fgsm-rs takes one step, got {steps}")


def _objective(defense: Defense, eps: float, steps: int, step_size: float) -> training.AbstractObjective:
    if defense == "pgd":
        return AdversarialTraining(training_attack(eps, steps or 7, step_size or None))
    if defense == "trades":
        return TRADES(eps, steps or 10, step_size or eps / 4)
    return FastFGSM(eps, step_size) if defense == "fgsm-rs" else training.CrossEntropy()
