"""`train`: a network and its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import tyro

from .. import zoo
from ..progress import Bar
from .options import said


def train(
    architecture: tyro.conf.Positional[str],
    data: str,
    root: str = "",
    out: Path = Path("runs/models"),
    recipe: str = "",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    precision: str = "",
    half: bool = False,
    seed: int = 0,
) -> None:
    """Train a network; leaves NAME.safetensors and NAME.json, and resumes where it was interrupted.

    Args:
        architecture: one of the names in wordline.zoo.ARCHITECTURES, such as vgg8, vgg8-half, resnet10, digits-cnn.
        data: digits, cifar10, cifar100 or tiny-imagenet.
        root: local folder of parquet files or images; without it the data come from the hub.
        recipe: fast (one cycle of ten epochs), papers (arXiv 2109.09060, 200 epochs) or digits; by default what suits.
        epochs: other than the recipe's; its milestones move along.
        batch_size: other than the recipe's.
        lr: peak or initial learning rate other than the recipe's.
        precision: auto, fp32 or bf16, other than the recipe's.
        half: store the weights as float16.
    """
    chosen = zoo.Recipe.preset(recipe or ("digits" if data == "digits" else "fast"))
    changes: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "precision": precision}
    chosen = dataclasses.replace(
        chosen,
        schedule=chosen.schedule.rescaled(lr, (epochs or chosen.epochs) / chosen.epochs),
        **{name: value for name, value in changes.items() if value},
    )
    images = zoo.load_dataset(data, root)
    card = zoo.train(architecture, images, chosen, out, seed=seed, half=half, command=said(), progress=Bar())
    print(card.to_json())
