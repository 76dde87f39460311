"""Noise that is drawn anew at each read.

Two passes differ, and every one of them can be had again.
"""

import copy
import dataclasses

import pytest
import torch
from torch import nn

import wordline as wl

MATRIX = dataclasses.replace(
    wl.Crossbar.preset("ideal"), tile=(4, 4), nonidealities=(wl.ReadNoise(0.05),)
)
READ = dataclasses.replace(MATRIX, adc=wl.UniformConverter(bits=12, range=wl.FullScale(0.7)))
SLICED = dataclasses.replace(READ, slicing=wl.BitSlicing(7, 3, 6, 2))
CROSSBARS = {"matrix": MATRIX, "converters": READ, "slices": SLICED}


def network() -> nn.Module:
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    torch.random.set_rng_state(torch_state)
    return model


@pytest.fixture(params=CROSSBARS)
def chip(request: pytest.FixtureRequest) -> wl.Chip:
    return wl.map_model(network(), CROSSBARS[request.param], seed=3)


X = torch.linspace(-1, 1, 24).view(4, 6)


def test_two_passes_over_the_same_input_differ(chip: wl.Chip) -> None:
    assert chip.stochastic and not torch.equal(chip(X), chip(X))


def test_a_frozen_chip_repeats_itself_bit_for_bit_and_its_seed_says_how(chip: wl.Chip) -> None:
    still = chip.frozen(5)
    first = still(X)
    assert torch.equal(still(X), first) and torch.equal(chip.frozen(5)(X), first)
    assert not torch.equal(chip.frozen(6)(X), first)
    assert not torch.equal(chip(X), chip(X))  # the chip itself goes on


def test_a_restarted_chip_repeats_its_passes(chip: wl.Chip) -> None:
    chip.restart(7)
    first = [chip(X) for _ in range(3)]
    chip.restart(7)
    assert all(torch.equal(chip(X), y) for y in first)
    assert not torch.equal(chip.restart(8)(X), first[0])


def test_a_frozen_chip_is_the_first_pass_of_the_restarted_one(chip: wl.Chip) -> None:
    assert torch.equal(chip.frozen(5)(X), chip.restart(5)(X))


def test_a_copy_goes_on_where_its_chip_stood(chip: wl.Chip) -> None:
    chip(X)
    other = copy.deepcopy(chip)
    assert torch.equal(chip(X), other(X))


def test_every_image_of_a_batch_meets_the_same_noise(chip: wl.Chip) -> None:
    still = chip.frozen(5)
    torch.testing.assert_close(still(X)[1:2], still(X[1:2]), rtol=0, atol=1e-6)


def test_the_derivative_is_that_of_the_noise_that_was_met(chip: wl.Chip) -> None:
    still = chip.frozen(5)
    x = X.clone().requires_grad_()
    (grad,) = torch.autograd.grad(still(x).sum(), x)
    (again,) = torch.autograd.grad(still(x).sum(), x)
    assert torch.equal(grad, again) and grad.any()


def test_without_noise_there_is_nothing_to_freeze() -> None:
    plain = wl.map_model(network(), dataclasses.replace(READ, nonidealities=()), seed=3)
    assert (
        not plain.stochastic
        and torch.equal(plain(X), plain(X))
        and torch.equal(plain.frozen(1)(X), plain(X))
    )


def test_an_unbatched_input_meets_its_noise_once() -> None:
    chip = wl.map_model(nn.Linear(6, 5).eval(), READ).frozen(2)
    torch.testing.assert_close(chip(X[0]), chip(X[:1])[0])


def test_twice_the_noise_moves_the_answer_twice_as_far_from_the_same_devices() -> None:
    chip = wl.map_model(network(), MATRIX, seed=3)
    quiet = chip.with_noise(0).restart(5)(X)
    once, twice = (chip.with_noise(scale).restart(5).layers["0"](X) for scale in (1, 2))
    still = chip.with_noise(0).layers["0"](X)
    torch.testing.assert_close(twice - still, 2 * (once - still), rtol=1e-4, atol=1e-6)
    assert torch.equal(chip.with_noise(1).restart(5)(X), chip.restart(5)(X))
    assert torch.equal(
        quiet, wl.map_model(network(), dataclasses.replace(MATRIX, nonidealities=()), seed=3)(X)
    )
    assert chip.layers["0"].crossbar == MATRIX  # the chip itself is as it was


def test_noise_that_stands_still_is_no_louder() -> None:
    still = wl.map_model(network(), MATRIX, seed=3).frozen(5)
    assert torch.equal(still.with_noise(3.0)(X), still(X))


def test_overridden_layers_get_louder_too() -> None:
    chip = wl.map_model(
        network(), dataclasses.replace(MATRIX, nonidealities=()), seed=3, overrides=[("2", MATRIX)]
    )
    louder = chip.with_noise(2.0)
    assert louder.layers["2"].crossbar == MATRIX.with_noise(2.0) == dict(louder.overrides)["2"]
    assert louder.stochastic and louder.layers["0"].crossbar == chip.crossbar


def test_an_overridden_layer_that_was_frozen_stays_so_when_its_state_is_loaded() -> None:
    quiet = dataclasses.replace(MATRIX, nonidealities=())
    still = wl.map_model(network(), quiet, seed=3, overrides=[("2", MATRIX)]).frozen(5)
    other = wl.map_model(network(), quiet, seed=4, overrides=[("2", MATRIX)]).frozen(6)
    other.load_state_dict(still.state_dict())
    assert not other.stochastic and torch.equal(other(X), still(X))


def test_noise_cannot_be_negative(chip: wl.Chip) -> None:
    with pytest.raises(ValueError, match="`scale`"):
        chip.with_noise(-1.0)
