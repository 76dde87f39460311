"""Counts of passes and multiplications, against passes that were counted while attacks ran."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.attacks import RepeatedFGSM
from wordline.records import Cost
from wordline.runs import Grid, Images, PretrainedNetwork, Store, TrainedNetwork, cost
from wordline.runs.cost import macs, passes
from wordline.training import Recipe

SIDE = 8


@pytest.mark.parametrize(
    "attack",
    [
        wl.FGSM(eps=0.1),
        wl.PGD(eps=0.1, steps=4, step_size=0.05),
        wl.PGD(eps=0.1, steps=3, step_size=0.05, restarts=2),
        wl.MIFGSM(eps=0.1, steps=3),
        RepeatedFGSM(eps=0.1, steps=3),
    ],
    ids=["FGSM", "PGD", "PGD with restarts", "MI-FGSM", "repeated FGSM"],
)
def test_passes_are_those_that_an_attack_runs(
    attack: wl.AbstractAttack, linear_model: nn.Module
) -> None:
    forward, backward = [], []

    class Counted(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            forward.append(1)
            y = linear_model(x)
            if y.requires_grad:
                y.register_hook(lambda gradient: backward.append(1))
            return y

    attack(Counted(), torch.full((1, 1, 4, 4), 0.5), torch.tensor([0]))
    most = passes(attack)
    assert most[1] == len(backward)
    assert len(forward) <= most[0] <= len(forward) + getattr(attack, "restarts", 1)


def test_multiplications_of_layers() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(96, 5)
    )
    by_hand = 6 * 4 * 4 * (4 // 2) * 9 + 96 * 5
    assert macs(model, torch.zeros(1, 4, SIDE, SIDE)) == by_hand
    assert not any(module._forward_hooks for module in model.modules())


def test_a_grid_is_counted_once_where_images_are_shared() -> None:
    attack = wl.PGD(eps=0.1, steps=4, step_size=0.05)
    grid = Grid(crossbars=(wl.Crossbar.preset("rethinking-16"),), attacks=(attack,), seeds=(0, 1))
    store, images = Store(), Images("digits", limit=10)
    counted = cost(grid.cells(PretrainedNetwork("digits-cnn"), images), store)
    # SW crafts (5, 4) for itself and both SH; two HH craft for themselves; all five score twice
    assert (counted.cells, counted.chips) == (5, 2)
    assert (counted.forward, counted.backward) == (10 * (3 * 5 + 5 * 2), 10 * 3 * 4)
    one = macs(wl.load_model("digits-cnn"), torch.zeros(1, 1, 8, 8))
    assert counted.macs == (counted.forward + counted.backward) * one
    assert Cost.from_json(counted.to_json()) == counted
    assert "hours at 1 Tflop/s" in str(counted)


def test_a_network_that_would_be_trained_is_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordline.training.train", lambda *a, **k: pytest.fail("trained"))
    grid = Grid(crossbars=(), attacks=(wl.FGSM(eps=0.1),), settings=("SW",))
    network = TrainedNetwork("digits-cnn", "digits", Recipe.preset("digits"))
    assert cost(grid.cells(network, Images("digits", limit=2)), Store()).macs > 0


def test_what_is_not_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="`attack` RandomSearch has no count of passes"):
        passes(wl.RandomSearch(eps=0.1))
    with pytest.raises(ValueError, match="`cells` holds a str, whose passes are not counted"):
        cost(("cell",), Store())
    with pytest.raises(ValueError, match="`flops` must be greater than 0"):
        Cost(1, 1, 1, 1, 1.0).hours(0.0)
