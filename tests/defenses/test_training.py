"""Training with a defense: to the bit after an interruption, and stronger than without."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.zoo.test_train import StopAfter

from wordline.defenses import AdversarialTraining, FastFGSM, training_attack
from wordline.zoo import AbstractObjective, ImageData, OneCycle, Recipe, load_model, train

NAME = "hard"


@pytest.mark.parametrize("objective", [FastFGSM(0.05), AdversarialTraining(training_attack(0.05, 2))])
def test_interrupted_and_resumed_bit_for_bit(
    blobs: ImageData, tmp_path: Path, objective: AbstractObjective, no_global_draws: None
) -> None:
    recipe = Recipe(3, batch_size=10, schedule=OneCycle(0.05), crop=1, flip=False, objective=objective, validation=0.2)
    whole = train("digits-cnn", blobs, recipe, tmp_path / "whole", name=NAME)
    with pytest.raises(KeyboardInterrupt):
        train("digits-cnn", blobs, recipe, tmp_path / "parts", name=NAME, progress=StopAfter(11))
    parts = train("digits-cnn", blobs, recipe, tmp_path / "parts", name=NAME)
    file = f"{NAME}.safetensors"
    assert (tmp_path / "parts" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert whole.kept_epoch == parts.kept_epoch and whole.validation_score == parts.validation_score
    assert load_model(tmp_path / "whole" / file).training is False
