"""Training from given weights, and batch norm that stands still."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.test_train import RECIPE, StopAfter
from torch import nn

from wordline.datasets import ImageData, ImageSplit
from wordline.fingerprints import fingerprint
from wordline.models import build_model, read_weights
from wordline.training import OneCycle, Recipe, train
from wordline.training.epoch import TrainStep

SLOW = dataclasses.replace(RECIPE, epochs=1, schedule=OneCycle(1e-6), weight_decay=0.0)


def test_a_tiny_step_from_given_weights_stays_there(blobs: ImageData, tmp_path: Path) -> None:
    initial = build_model("digits-cnn", 2, 8, seed=7)
    before = {name: tensor.clone() for name, tensor in initial.state_dict().items()}
    card = train("digits-cnn", blobs, SLOW, tmp_path, initial=initial)
    state = read_weights(tmp_path / "digits-cnn-blobs.safetensors")
    assert card.initial == fingerprint(initial)
    for name, tensor in before.items():
        assert torch.equal(initial.state_dict()[name], tensor)  # the one handed over does not move
        torch.testing.assert_close(state[name], tensor, atol=1e-4, rtol=0)
    assert any(not torch.equal(state[name], tensor) for name, tensor in before.items())


def test_another_start_is_another_run(blobs: ImageData, tmp_path: Path) -> None:
    one, other = (build_model("digits-cnn", 2, 8, seed=seed) for seed in (7, 8))
    with pytest.raises(KeyboardInterrupt):
        train("digits-cnn", blobs, RECIPE, tmp_path, initial=one, progress=StopAfter(6))
    with pytest.raises(ValueError, match="of a run with other settings"):
        train("digits-cnn", blobs, RECIPE, tmp_path, initial=other)


def test_frozen_batch_norm_leaves_its_statistics_and_uses_them(tmp_path: Path) -> None:
    def read(split: str) -> ImageSplit:
        images = torch.rand(24, 3, 8, 8, generator=torch.Generator().manual_seed(len(split)))
        return ImageSplit(images, torch.arange(24) % 2)

    colour, recipe = (
        ImageData("colour", ("a", "b"), read),
        Recipe(1, batch_size=12, crop=0, precision="fp32"),
    )
    fresh = build_model("resnet10", 2, 8, seed=0).state_dict()
    moved = {}
    for frozen in (False, True):
        out = tmp_path / str(frozen)
        train("resnet10", colour, dataclasses.replace(recipe, frozen_batch_norm=frozen), out)
        state = read_weights(out / "resnet10-colour.safetensors")
        moved[frozen] = {
            name for name, tensor in state.items() if not torch.equal(tensor, fresh[name])
        }
    statistics = {name for name in fresh if "running_" in name or "num_batches" in name}
    assert statistics and statistics <= moved[False]
    assert not statistics & moved[True]
    assert fresh.keys() - statistics <= moved[True]  # scales and shifts go on learning


def test_evaluation_and_training_again_keep_it_frozen() -> None:
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Flatten())
    step = TrainStep(model, dataclasses.replace(RECIPE, frozen_batch_norm=True))
    for mode in (True, False, True):
        step.train(mode)
        assert model.training is mode and not model[0].training


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (
            {"initial": nn.Linear(2, 2)},
            ValueError,
            "`initial` is no network of this architecture .*lacks",
        ),
        ({"initial": "digits-cnn"}, TypeError, "`initial` must be Module"),
        ({"name": "a/b"}, ValueError, "`name` must be a file name without folders, got 'a/b'"),
    ],
)
def test_bad_settings(
    blobs: ImageData, tmp_path: Path, change: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        train("digits-cnn", blobs, RECIPE, tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()
