"""Images held out, and the epoch that is kept."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tests.training.test_train import RECIPE, StopAfter
from torch import nn

from wordline.datasets import ImageData, ImageSplit
from wordline.models import accuracy, load_model
from wordline.training import CrossEntropy, read_card, train
from wordline.training.objective import AbstractObjective
from wordline.training.selection import BestEpoch, train_val_split

SCORES = {0.2: [0.5, 0.9, 0.1], 0.4: [0.5, 0.5, 0.5]}
SEEN: list[int] = []


@dataclass(frozen=True)
class ScriptedScore(AbstractObjective):
    """Cross-entropy, with scores from a list."""

    share: float

    def loss(
        self,
        model: nn.Module,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        generator: torch.Generator,
    ):
        return CrossEntropy().loss(model, images, labels, generator=generator)

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        assert not model.training and len(split) == round(self.share * 40)
        SEEN.append(len(split))
        return SCORES[self.share][len(SEEN) - 1]


@pytest.mark.parametrize(("share", "kept"), [(0.2, 2), (0.4, 1)])
def test_the_best_epoch_is_kept_and_of_equals_the_first(
    blobs: ImageData, tmp_path: Path, share: float, kept: int
) -> None:
    SEEN.clear()
    recipe = dataclasses.replace(RECIPE, objective=ScriptedScore(share), validation=share)
    card = train("digits-cnn", blobs, recipe, tmp_path)
    assert (card.best_epoch, card.validation_score) == (kept, SCORES[share][kept - 1])
    assert read_card(tmp_path / "digits-cnn-blobs.json") == card
    model = load_model(tmp_path / "digits-cnn-blobs.safetensors")
    assert accuracy(model, blobs.test) == card.test_accuracy
    SEEN.clear()
    with pytest.raises(
        KeyboardInterrupt
    ):  # in the epoch after the kept one the weights are those that were kept
        train(
            "digits-cnn",
            blobs,
            recipe,
            tmp_path / "cut",
            progress=StopAfter(kept * len_of(share) + 1),
        )
    saved = torch.load(tmp_path / "cut" / "digits-cnn-blobs.checkpoint", weights_only=True)
    assert saved["epochs"] == kept
    assert all(
        torch.equal(tensor, saved["model"][name]) for name, tensor in model.state_dict().items()
    )


def len_of(share: float) -> int:
    return (40 - round(share * 40)) // 10


def test_nothing_of_the_held_out_part_is_trained_on(blobs: ImageData, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, validation=0.25)
    poisoned = dataclasses.replace(blobs, read=lambda split: _poisoned(blobs.read(split), split))
    for folder, data in (("clean", blobs), ("poisoned", poisoned)):
        train("digits-cnn", data, recipe, tmp_path / folder)
    one, other = (
        load_model(tmp_path / f / "digits-cnn-blobs.safetensors").state_dict()
        for f in ("clean", "poisoned")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def _poisoned(split: ImageSplit, name: str) -> ImageSplit:
    images = split.images.clone()
    images[:10] = 1 - images[:10] if name == "train" else images[:10]
    return dataclasses.replace(split, images=images)


def test_the_first_part_is_held_out(blobs: ImageData) -> None:
    rest, held = train_val_split(blobs.train, 0.1, 2)
    assert (len(held), len(rest)) == (4, 36)
    assert torch.equal(torch.cat([held.images, rest.images]), blobs.train.images)
    assert torch.equal(torch.cat([held.labels, rest.labels]), blobs.train.labels)


def test_without_validation_the_last_epoch_is_kept_unseen(blobs: ImageData, tmp_path: Path) -> None:
    card = train("digits-cnn", blobs, RECIPE, tmp_path)
    assert (card.best_epoch, card.validation_score, card.initial) == (0, 0.0, "")


def test_what_is_kept_does_not_move_with_the_network() -> None:
    model, best = nn.Linear(2, 2), BestEpoch()
    before = model.weight.detach().clone()
    best.update(1, 0.5, model)
    with torch.no_grad():
        model.weight.zero_()
    best.update(2, 0.4, model)
    best.restore(model)
    assert torch.equal(model.weight, before) and best.epoch == 1


def test_shares_that_leave_nothing(blobs: ImageData) -> None:
    with pytest.raises(
        ValueError, match="`validation` is 0.01, which is 0 of 40 training images; choose another"
    ):
        train_val_split(blobs.train, 0.01, 2)
    order = blobs.train.labels.argsort()
    ordered = dataclasses.replace(
        blobs.train, labels=blobs.train.labels[order], images=blobs.train.images[order]
    )
    with pytest.raises(
        ValueError, match="`validation` takes the first 4 training images, which hold only 1 of 2"
    ):
        train_val_split(ordered, 0.1, 2)
