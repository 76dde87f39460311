"""Typed functions as commands; no logic."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import tyro

from . import zoo
from .progress import Bar


def train(
    architecture: tyro.conf.Positional[str],
    data: str,
    root: str = "",
    out: Path = Path("runs/models"),
    epochs: int = 10,
    batch_size: int = 128,
    peak_lr: float = 0.1,
    seed: int = 0,
    precision: str = "auto",
    half: bool = False,
) -> None:
    """Train a network."""
    d = zoo.load_dataset(data, root)
    recipe = zoo.Recipe(
        epochs=epochs, batch_size=batch_size, schedule=zoo.OneCycle(peak_lr=peak_lr), precision=precision,
        crop=0 if data == "digits" else 4, flip=data != "digits",
    )  # fmt: skip
    card = zoo.train(
        architecture, d, recipe, out, seed=seed, half=half, command=shlex.join(["wordline", *sys.argv[1:]]), progress=Bar()
    )
    print(card.to_json())


def main() -> None:
    tyro.extras.subcommand_cli_from_dict({"train": train})
