"""The chip in the loop: its gradient, its draws, and what it leaves."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.test_train import StopAfter
from torch import nn
from torch.nn import functional

from wordline import (  # fmt: skip
    Calibrated,
    Crossbar,
    GaussianVariation,
    IdealConverter,
    Memristor,
    OutputNoise,
    ReadNoise,
    UniformConverter,
    UnitGain,
    Wires,
    map_model,
)
from wordline.datasets import ImageData
from wordline.defenses import FastFGSM, OnChip
from wordline.devices import FixedRange
from wordline.models import build_model, read_weights
from wordline.training import OneCycle, Recipe, train
from wordline.values import Value

CROSSBAR = Crossbar(
    tile=(8, 8), device=Memristor(20e3, 200e3),
    wires=Wires(driver_ohm=500, row_ohm=5, col_ohm=10, sense_ohm=500),
    nonidealities=(GaussianVariation(sigma=0.1),), gain=UnitGain(),
)  # fmt: skip


STILL = ["0.bias"]  # batch norm subtracts it again


def loss_of(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    images, labels = batch
    return functional.cross_entropy(network(images.double()), labels)


def test_its_gradient_against_central_differences(normed: nn.Module, batch: Any) -> None:
    model = normed.double().eval()
    forward = OnChip(CROSSBAR)
    network = forward.wrap(model)
    forward.on_step(network, 3)
    loss_of(network, batch).backward()
    for parameter in (model[0].weight, model[1].weight, model[4].weight, model[4].bias):
        direction = torch.randn(
            parameter.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
        )
        flat = parameter.detach().abs().flatten()
        direction.flatten()[flat.argmax()] = (
            0  # the largest weight sets the scale, which counts as a constant
        )
        losses = []
        for sign in (1, -1):
            moved = copy.deepcopy(model)
            with torch.no_grad():
                dict(moved.named_parameters())[name_of(model, parameter)].add_(
                    sign * 1e-6 * direction
                )
            twin = forward.wrap(moved)
            forward.on_step(twin, 3)
            losses.append(loss_of(twin, batch).item())
        numeric = (losses[0] - losses[1]) / 2e-6
        assert float((parameter.grad * direction).sum()) == pytest.approx(
            numeric, rel=1e-5, abs=1e-9
        )


def name_of(model: nn.Module, parameter: nn.Parameter) -> str:
    return next(name for name, other in model.named_parameters() if other is parameter)


def test_without_redraw_it_is_the_chip_that_map_model_gives(normed: nn.Module, batch: Any) -> None:
    model, forward = normed.double().eval(), OnChip(CROSSBAR, redraw=False, seed=5)
    network = forward.wrap(model)
    chip = map_model(model, CROSSBAR, 5)
    for seed in (0, 1):
        forward.on_step(network, seed)
        torch.testing.assert_close(network(batch[0].double()), chip(batch[0].double()))


def test_every_step_draws_a_chip_and_the_passes_of_a_step_share_it(
    normed: nn.Module, batch: Any
) -> None:
    model, forward = normed.eval(), OnChip(CROSSBAR)
    network = forward.wrap(model)
    answers = []
    for seed in (0, 1, 0):
        forward.on_step(network, seed)
        answers.append(network(batch[0]))
        assert torch.equal(answers[-1], network(batch[0]))
    assert torch.equal(answers[0], answers[2]) and not torch.equal(answers[0], answers[1])
    torch.testing.assert_close(answers[1], map_model(model, CROSSBAR, 1)(batch[0]))


def test_read_noise_begins_anew_at_each_step(normed: nn.Module, batch: Any) -> None:
    noisy = Crossbar(
        tile=(8, 8),
        device=Memristor(20e3, 200e3),
        wires=Wires(),
        gain=UnitGain(),
        nonidealities=(ReadNoise(0.1),),
    )
    forward = OnChip(noisy)
    network = forward.wrap(normed.eval())
    forward.on_step(network, 0)
    first, second = network(batch[0]), network(batch[0])
    forward.on_step(network, 0)
    assert not torch.equal(first, second) and torch.equal(first, network(batch[0]))


def test_training_moves_the_software_network_and_its_statistics(
    normed: nn.Module, batch: Any
) -> None:
    before, forward = copy.deepcopy(normed.state_dict()), OnChip(CROSSBAR)
    network = forward.wrap(normed).train()
    optimizer = torch.optim.SGD(normed.parameters(), lr=0.1)
    forward.on_step(network, 0)
    functional.cross_entropy(network(batch[0]), batch[1]).backward()
    optimizer.step()
    moved = {
        name: float((tensor - before[name]).abs().max())
        for name, tensor in normed.state_dict().items()
    }
    assert [name for name, most in moved.items() if most < 1e-6] == STILL


@pytest.mark.parametrize("objective", [{}, {"objective": FastFGSM(0.05)}])
def test_interrupted_and_resumed_bit_for_bit(
    blobs: ImageData, tmp_path: Path, objective: dict[str, Any], no_global_draws: None
) -> None:
    plain = Recipe(2, batch_size=20, schedule=OneCycle(0.05), crop=1, flip=False, precision="fp32")
    recipe = dataclasses.replace(plain, forward=OnChip(CROSSBAR), **objective)
    train("digits-cnn", blobs, recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train("digits-cnn", blobs, recipe, tmp_path / "parts", progress=StopAfter(4))
    train("digits-cnn", blobs, recipe, tmp_path / "parts")
    name = "digits-cnn-blobs.safetensors"
    assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    state = read_weights(tmp_path / "whole" / name)
    assert state.keys() == build_model("digits-cnn", 2, 8, seed=0).state_dict().keys()


def test_json_round_trip() -> None:
    assert Value.from_json(OnChip(CROSSBAR, redraw=False).to_json()) == OnChip(
        CROSSBAR, redraw=False
    )


def test_networks_whose_weights_a_chip_renames(normed: nn.Module) -> None:
    with pytest.raises(ValueError, match="`forward` has no 'weight_ih_l0' of the network to train"):
        OnChip(CROSSBAR).wrap(nn.GRU(4, 4, batch_first=True))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: OnChip("rethinking-64"), TypeError, "`crossbar` must be Crossbar"),
        (lambda: OnChip(CROSSBAR, redraw=1), TypeError, "`redraw` must be bool"),
        (lambda: OnChip(CROSSBAR, seed=-1), ValueError, "`seed` must be at least 0"),
        (
            lambda: OnChip(
                Crossbar(
                    tile=(8, 8), device=Memristor(20e3, 200e3), wires=Wires(), gain=UnitGain(),
                    adc=UniformConverter(bits=8, range=Calibrated()),
                )
            ),
            ValueError, "`crossbar` has converters whose range is calibrated on data",
        ),
    ],
)  # fmt: skip
def test_bad_input(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_only_the_layers_named_are_on_the_chip(normed: nn.Module) -> None:
    network = OnChip(CROSSBAR, only=("0",)).wrap(normed.double().eval())
    assert list(network.layers) == ["0"]
    assert network.model[4].weight is normed[4].weight
    with pytest.raises(TypeError, match="`only` must be tuple"):
        OnChip(CROSSBAR, only="0")


def test_output_noise_is_that_of_each_step(normed: nn.Module, batch: Any) -> None:
    noise = OutputNoise(sigma=0.1)
    noisy = dataclasses.replace(
        CROSSBAR, output_noise=noise, dac=IdealConverter(range=FixedRange(1.0))
    )
    forward, model = OnChip(noisy, only=("0",)), normed.double().eval()
    network, images = forward.wrap(model), batch[0].double()
    seen = []
    for seed in (1, 1, 2):
        forward.on_step(network, seed)
        seen.append(network(images))
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[2], network(images))
    network(images).sum().backward()
    assert float(model[0].weight.grad.abs().sum()) > 0
