"""`train`: a network and its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import tyro

from .. import zoo
from ..defenses import AdversarialTraining, FastFGSM, training_attack
from ..progress import Bar
from .options import Number, said

Defense = Literal["none", "pgd", "fgsm-rs"]


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
    eps: Number = 8 / 255,
    attack_steps: int = 7,
    attack_step_size: Number = 0.0,
) -> None:
    """Train a network; leaves NAME.safetensors and NAME.json, and resumes where it was interrupted.

    Args:
        architecture: one of the names in wordline.zoo.ARCHITECTURES, such as vgg8, vgg8-half, resnet10, digits-cnn.
        data: digits, cifar10, cifar100 or tiny-imagenet.
        root: local folder of parquet files or images; without it the data come from the hub.
        name: of the files; by default ARCHITECTURE-DATA, and -DEFENSE-eps after it.
        recipe: fast (one cycle of ten epochs), papers (arXiv 2109.09060, 200 epochs) or digits; by default what suits.
        epochs: other than the recipe's; its milestones move along.
        batch_size: other than the recipe's.
        lr: peak or initial learning rate other than the recipe's.
        precision: auto, fp32 or bf16, other than the recipe's.
        half: store the weights as float16.
        validation: share of the training images, the first ones, that choose the epoch to keep: by accuracy, or by
            robust accuracy where there is a defense.
        defense: none, pgd (adversarial training with PGD), or fgsm-rs (fast FGSM from random starts).
        eps: Linf radius of the defense's attack; 8/255 is a number here.
        attack_steps: of pgd.
        attack_step_size: 0 takes 2.5 eps / steps for pgd, 1.25 eps for fgsm-rs.
    """
    chosen = zoo.Recipe.preset(recipe or ("digits" if data == "digits" else "fast"))
    objective = _objective(defense, eps, attack_steps, attack_step_size)
    changes: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "precision": precision}
    chosen = dataclasses.replace(
        chosen,
        schedule=chosen.schedule.rescaled(lr, (epochs or chosen.epochs) / chosen.epochs),
        objective=objective,
        validation=validation,
        **{name: value for name, value in changes.items() if value},
    )
    images = zoo.load_dataset(data, root)
    if not name and defense != "none":
        name = f"{architecture}-{data}-{defense}-{255 * eps:g}"
    card = zoo.train(architecture, images, chosen, out, seed=seed, half=half, name=name, command=said(), progress=Bar())
    print(card.to_json())


def _objective(defense: Defense, eps: float, steps: int, step_size: float) -> zoo.AbstractObjective:
    if defense == "pgd":
        return AdversarialTraining(training_attack(eps, steps, step_size or None))
    return FastFGSM(eps, step_size) if defense == "fgsm-rs" else zoo.CrossEntropy()
