from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from wordline.datasets import ImageData, ImageSplit, load_dataset
from wordline.models import NetworkSpec, accuracy, build_model, load_model, read_weights
from wordline.progress import AbstractProgress, Advance
from wordline.training import OneCycle, Recipe, read_card, train
from wordline.training.checkpoint import Checkpoint
from wordline.training.train import _require_batches

RECIPE = Recipe(3, batch_size=10, schedule=OneCycle(0.05), crop=1, flip=False, precision="fp32")


class StopAfter(AbstractProgress):
    """Interrupts the work, as a person would, after so many units; and counts them."""

    def __init__(self, units: int = 10**9) -> None:
        self.units = units
        self.done = 0
        self.total = 0

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        self.total = total

        def advance(units: int, note: str) -> None:
            self.done += units
            if self.done >= self.units:
                raise KeyboardInterrupt

        yield advance


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_trained_network_with_its_card(blobs: ImageData, tmp_path: Path) -> None:
    progress = StopAfter()
    card = train(
        "digits-cnn",
        blobs,
        RECIPE,
        tmp_path / "new" / "out",
        seed=3,
        command="said",
        progress=progress,
    )
    assert files(tmp_path / "new" / "out") == [
        "digits-cnn-blobs.json",
        "digits-cnn-blobs.safetensors",
    ]
    assert read_card(tmp_path / "new" / "out" / "digits-cnn-blobs.json") == card
    assert (card.network, card.data) == (NetworkSpec("digits-cnn", 2, 8), "blobs")
    assert (card.recipe, card.seed, card.command, card.test_images) == (RECIPE, 3, "said", 20)
    assert (
        card.train_fingerprint == blobs.train.fingerprint()
        and card.test_fingerprint == blobs.test.fingerprint()
    )
    assert card.versions["torch"] == torch.__version__
    assert progress.done == progress.total == 3 * 4
    assert card.test_accuracy >= 0.8
    model = load_model(tmp_path / "new" / "out" / "digits-cnn-blobs.safetensors")
    assert accuracy(model, blobs.test) == card.test_accuracy


@pytest.mark.parametrize("stop", [4, 7])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(
    blobs: ImageData, tmp_path: Path, stop: int
) -> None:
    train("digits-cnn", blobs, RECIPE, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train("digits-cnn", blobs, RECIPE, tmp_path / "parts", progress=StopAfter(stop))
    assert files(tmp_path / "parts") == ([] if stop <= 4 else ["digits-cnn-blobs.checkpoint"])
    again = StopAfter()
    train("digits-cnn", blobs, RECIPE, tmp_path / "parts", progress=again)
    assert again.done == again.total == 12  # what was done before is reported at once
    name = "digits-cnn-blobs.safetensors"
    assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


@pytest.mark.slow
def test_on_digits_too_and_with_batch_norm(tmp_path: Path) -> None:
    digits = load_dataset("digits")
    recipe = Recipe(2, batch_size=64, crop=1, flip=False)

    def rgb(split: str) -> ImageSplit:
        source = getattr(digits, split).take(256)
        return ImageSplit(source.images.repeat(1, 3, 1, 1), source.labels)

    colour = ImageData("colour", digits.classes, rgb)
    for architecture, data in (("digits-cnn", digits), ("resnet10", colour)):
        train(architecture, data, recipe, tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):
            train(
                architecture,
                data,
                recipe,
                tmp_path / "parts",
                progress=StopAfter(len(data.train) // 64 + 1),
            )
        train(architecture, data, recipe, tmp_path / "parts")
        name = f"{architecture}-{data.name}.safetensors"
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_seed_decides_and_nothing_global_is_drawn(
    blobs: ImageData, tmp_path: Path, no_global_draws: None
) -> None:
    weights = {}
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        train("digits-cnn", blobs, RECIPE, tmp_path / folder, seed=seed)
        weights[folder] = read_weights(tmp_path / folder / "digits-cnn-blobs.safetensors")[
            "fc2.weight"
        ]
    assert torch.equal(weights["a"], weights["b"]) and not torch.equal(weights["a"], weights["c"])


def test_a_vanishing_learning_rate_trains_nothing(blobs: ImageData, tmp_path: Path) -> None:
    still = dataclasses.replace(RECIPE, epochs=1, schedule=OneCycle(1e-30), weight_decay=0.0)
    train("digits-cnn", blobs, still, tmp_path)
    fresh = build_model("digits-cnn", 2, 8, seed=0).state_dict()
    state = read_weights(tmp_path / "digits-cnn-blobs.safetensors")
    assert all(torch.equal(fresh[name], tensor) for name, tensor in state.items())


def test_half_weights_are_the_ones_that_the_card_scored(blobs: ImageData, tmp_path: Path) -> None:
    card = train("digits-cnn", blobs, RECIPE, tmp_path, half=True)
    state = read_weights(tmp_path / "digits-cnn-blobs.safetensors")
    assert all(tensor.dtype == torch.float16 for tensor in state.values())
    assert (
        accuracy(load_model(tmp_path / "digits-cnn-blobs.safetensors"), blobs.test)
        == card.test_accuracy
    )


def test_bf16_trains_too_and_both_run_in_one_process(blobs: ImageData, tmp_path: Path) -> None:
    for precision in ("bf16", "fp32", "auto"):
        train(
            "digits-cnn",
            blobs,
            dataclasses.replace(RECIPE, precision=precision),
            tmp_path / precision,
        )
    one, other = (
        read_weights(tmp_path / p / "digits-cnn-blobs.safetensors")["fc1.weight"]
        for p in ("bf16", "fp32")
    )
    assert not torch.equal(one, other) and torch.allclose(one, other, atol=0.05)


def test_a_checkpoint_of_another_run_or_a_damaged_one(blobs: ImageData, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train("digits-cnn", blobs, RECIPE, tmp_path, progress=StopAfter(6))
    path = tmp_path / "digits-cnn-blobs.checkpoint"
    with pytest.raises(
        ValueError, match="`out` holds '.*checkpoint' of a run with other settings; delete it"
    ):
        train("digits-cnn", blobs, RECIPE, tmp_path, seed=1)
    content = path.read_bytes()
    for damaged in (b"", content[:100], content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(
            ValueError, match="`out` holds a damaged checkpoint '.*' .*; delete it to start over"
        ):
            train("digits-cnn", blobs, RECIPE, tmp_path)
    torch.save({"key": "x"}, path)
    with pytest.raises(ValueError, match="which is no checkpoint of wordline; delete it"):
        train("digits-cnn", blobs, RECIPE, tmp_path)
    assert files(tmp_path) == [path.name]


def test_a_checkpoint_is_bound_to_every_setting() -> None:
    keys = {
        Checkpoint.of(Path("x"), *settings).key
        for settings in [("a", "b"), ("a", "c"), ("ab", ""), ("a",)]
    }
    assert len(keys) == 4


def test_a_loss_that_explodes_keeps_no_ruins(blobs: ImageData, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match="`recipe` lets the loss become (nan|inf) in epoch 1; lower its learning rate",
    ):
        train(
            "digits-cnn",
            blobs,
            dataclasses.replace(RECIPE, schedule=OneCycle(1e12, start=1.0)),
            tmp_path,
        )
    assert files(tmp_path) == []


def with_labels(data: ImageData, offset: int) -> ImageData:
    def read(split: str) -> ImageSplit:
        return dataclasses.replace(data.read(split), labels=data.read(split).labels + offset)

    return dataclasses.replace(data, read=read)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"architecture": "vgg9"}, ValueError, "`name` must be one of"),
        (
            {"architecture": "resnet10"},
            ValueError,
            "'resnet10' cannot take the 1 x 8 x 8 images of 'blobs'",
        ),
        (
            {"recipe": Recipe(1, batch_size=41)},
            ValueError,
            "`batch_size` is 41, more than the 40 training images",
        ),
        (
            {"recipe": Recipe(1, batch_size=10, crop=8)},
            ValueError,
            "`crop` is 8, but the images have only 8 pixels",
        ),
        ({"recipe": "fast"}, TypeError, "`recipe` must be Recipe"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
    ],
)
def test_bad_settings(
    blobs: ImageData, tmp_path: Path, change: dict[str, Any], error: type[Exception], match: str
) -> None:
    settings = {
        "architecture": "digits-cnn",
        "data": blobs,
        "recipe": RECIPE,
        "out": tmp_path / "out",
    } | change
    with pytest.raises(error, match=match):
        train(**settings)
    assert not (tmp_path / "out").exists()


def test_labels_beyond_the_classes(blobs: ImageData, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`data` has the label 3 but only 2 classes"):
        train("digits-cnn", with_labels(blobs, 2), RECIPE, tmp_path)


def test_a_folder_that_cannot_be_written_is_found_before_the_work(
    blobs: ImageData, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    progress = StopAfter()
    with pytest.raises(ValueError, match="`out` '.*file/models' cannot be written"):
        train("digits-cnn", blobs, RECIPE, tmp_path / "file" / "models", progress=progress)
    assert progress.total == 0


def test_uneven_shares_are_refused(blobs: ImageData) -> None:
    with pytest.raises(
        ValueError, match="`batch_size` is 10, which 3 processes cannot share evenly"
    ):
        _require_batches(blobs.train, RECIPE, 3)
