"""Training by several processes: the weights of one, and no silent copies of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from wordline import training
from wordline.datasets import load_dataset
from wordline.models import load_model
from wordline.training import Recipe

NAME = "digits-cnn-digits-on-rethinking-16"
TRAIN = (
    "train",
    "digits-cnn",
    "--data",
    "digits",
    "--crossbar",
    "rethinking-16",
    "--gain",
    "least-squares",
)
TUNE = ("--from", "digits-cnn", "--frozen-batch-norm", "--epochs", "1", "--lr", "0.02")


def launched(out: Path, *launcher: str) -> dict[str, torch.Tensor]:
    """The weights that a launcher's processes leave."""
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, "-m", "wordline", *TRAIN, *TUNE, "--out", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return load_file(out / f"{NAME}.safetensors")


@pytest.mark.slow
def test_two_processes_on_chips_train_the_weights_of_one(tmp_path: Path) -> None:
    one = launched(tmp_path / "one")
    two = launched(tmp_path / "two", "-m", "torch.distributed.run", "--nproc_per_node", "2")
    start = load_model("digits-cnn").state_dict()
    for name, weight in one.items():
        moved = (weight - start[name]).norm()
        assert moved > 0
        assert (two[name] - weight).norm() < 1e-4 * moved, name
    assert any(
        not torch.equal(one[name], two[name]) for name in one
    )  # halves of batches round otherwise


@pytest.mark.parametrize("launched", ["2", "many"])
def test_processes_that_do_not_know_of_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launched: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", launched)
    with pytest.raises(
        ValueError, match=f"`WORLD_SIZE` is {launched}, but accelerate sees 1 process.*USE_CPU=true"
    ):
        training.train("digits-cnn", load_dataset("digits"), Recipe.preset("digits"), tmp_path)
    assert not list(tmp_path.iterdir())
