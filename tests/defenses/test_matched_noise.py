"""The baseline's noise: as large as measured, on the right layers, from its seed alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from wordline import Crossbar, GaussianVariation, Memristor, UnitGain, Wires, map_model
from wordline.defenses import MatchedNoise
from wordline.values import Value

CROSSBAR = Crossbar(
    tile=(8, 8), device=Memristor(20e3, 200e3), wires=Wires(row_ohm=5, col_ohm=10), gain=UnitGain(),
    nonidealities=(GaussianVariation(sigma=0.1),),
)  # fmt: skip


def test_it_measures_each_layer_alone(normed: nn.Module, batch: Any) -> None:
    model, images = normed.eval(), batch[0]
    noise = MatchedNoise.of(model, CROSSBAR, images, seed=3)
    chip = map_model(model, CROSSBAR, 3)
    with torch.no_grad():
        first = chip.layers["0"](images) - model[0](images)
        hidden = model[:4](images)  # of the software network: errors do not add up
        last = chip.layers["4"](hidden) - model[4](hidden)
    for (name, mean, deviation), wanted, error in zip(
        noise.layers, ("0", "4"), (first, last), strict=True
    ):
        assert name == wanted
        assert mean == pytest.approx(float(error.mean()), rel=1e-4)
        assert deviation == pytest.approx(float(error.std()), rel=1e-4)
    assert not model[0]._forward_hooks and Value.from_json(noise.to_json()) == noise


def test_noise_of_the_given_size_and_nowhere_else(normed: nn.Module, no_global_draws: None) -> None:
    model = normed.eval()
    forward = MatchedNoise((("4", 0.5, 2.0),))
    network = forward.wrap(model)
    images = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)).expand(
        4000, -1, -1, -1
    )
    with torch.no_grad():
        forward.on_step(network, 7)
        one, two = network(images) - model(images), network(images) - model(images)
        forward.on_step(network, 7)
        again = network(images) - model(images)
    assert one.mean().item() == pytest.approx(0.5, abs=0.1) and one.std().item() == pytest.approx(
        2.0, rel=0.05
    )
    assert torch.equal(one, again) and not torch.equal(one, two)


def test_its_weights_are_the_models(normed: nn.Module, batch: Any) -> None:
    network = MatchedNoise((("0", 0.0, 0.1),)).wrap(normed).train()
    before = normed[1].running_mean.clone()
    network(batch[0]).sum().backward()
    assert all(p.grad is not None for p in normed.parameters())
    assert not torch.equal(before, normed[1].running_mean)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: MatchedNoise("0"), TypeError, "`layers` must be tuple"),
        (lambda: MatchedNoise(((0, 0.0, 1.0),)), TypeError, "`layers` must be str"),
        (lambda: MatchedNoise((("0", "a", 1.0),)), TypeError, "`layers 0 mean` must be a number"),
        (
            lambda: MatchedNoise((("0", 0.0, -1.0),)),
            ValueError, "`layers 0 deviation` must be at least 0",
        ),
        (
            lambda: MatchedNoise((("9", 0.0, 1.0),)).wrap(nn.Sequential(nn.Linear(2, 2))),
            ValueError, "`layers` names '9', which the network does not have",
        ),
    ],
)  # fmt: skip
def test_bad_input(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()
