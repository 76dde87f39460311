"""Training with a defense: to the bit after an interruption, and stronger than without."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.test_train import StopAfter

from wordline.attacks import PGD
from wordline.datasets import ImageData, load_dataset
from wordline.defenses import AdversarialTraining, FastFGSM, training_attack
from wordline.models import accuracy, load_model
from wordline.training import AbstractObjective, OneCycle, Recipe, train

NAME = "hard"


@pytest.mark.parametrize(
    "objective", [FastFGSM(0.05), AdversarialTraining(training_attack(0.05, 2))]
)
def test_interrupted_and_resumed_bit_for_bit(
    blobs: ImageData, tmp_path: Path, objective: AbstractObjective, no_global_draws: None
) -> None:
    recipe = Recipe(
        3,
        batch_size=10,
        schedule=OneCycle(0.05),
        crop=1,
        flip=False,
        objective=objective,
        validation=0.2,
    )
    whole = train("digits-cnn", blobs, recipe, tmp_path / "whole", name=NAME)
    with pytest.raises(KeyboardInterrupt):
        train("digits-cnn", blobs, recipe, tmp_path / "parts", name=NAME, progress=StopAfter(11))
    parts = train("digits-cnn", blobs, recipe, tmp_path / "parts", name=NAME)
    file = f"{NAME}.safetensors"
    assert (tmp_path / "parts" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert whole.best_epoch == parts.best_epoch and whole.validation_score == parts.validation_score
    assert load_model(tmp_path / "whole" / file).training is False


def test_adversarial_training_withstands_what_breaks_the_vanilla_network(tmp_path: Path) -> None:
    digits, eps = load_dataset("digits"), 0.1
    attack = PGD(eps=eps, steps=10, step_size=eps / 4)
    vanilla = load_model("digits-cnn")
    recipe = Recipe(
        2, batch_size=64, schedule=OneCycle(0.02), crop=0, flip=False, precision="fp32",
        objective=AdversarialTraining(training_attack(eps, 3)),
    )  # fmt: skip
    train("digits-cnn", digits, recipe, tmp_path, name=NAME, initial=vanilla)
    hard, test = load_model(tmp_path / f"{NAME}.safetensors"), digits.test.take(100)
    robust = {}
    for key, model in (("vanilla", vanilla), ("hard", hard)):
        adversarial = attack(model, test.images, test.labels)
        robust[key] = float((model(adversarial).argmax(1) == test.labels).float().mean())
    assert robust["hard"] > robust["vanilla"] + 0.2, robust
    assert accuracy(hard, test) > 0.85
