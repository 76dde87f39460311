"""Pixels of few bits: the formula, its ties, its two gradients, and where it stands before
arrays.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit, to_float
from wordline.defenses import Discretised, discretise
from wordline.evaluation import identify

BITS = st.integers(1, 16)
SHARES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20)


def nearest_level(pixels: np.ndarray, bits: int) -> np.ndarray:
    """The nearest of 0, 1/s, ..., 1, the upper one of two equally near; by distances, without
    rounding.
    """
    levels = np.arange(2**bits, dtype=np.float64) / (2**bits - 1)
    gaps = np.abs(pixels.astype(np.float64)[:, None] - levels[None, :])
    return levels[len(levels) - 1 - gaps[:, ::-1].argmin(1)]


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_byte_goes_to_the_nearest_level_and_there_are_no_ties(bits: int) -> None:
    bytes_ = np.arange(256)
    made = discretise(torch.arange(256, dtype=torch.uint8), bits).numpy()
    np.testing.assert_allclose(made, nearest_level(bytes_ / 255, bits), atol=1e-7)
    twice = 2 * bytes_ * (2**bits - 1)  # a share_parameters would be an odd multiple of 255
    assert not np.any((twice % 255 == 0) & (twice // 255 % 2 == 1))
    assert len(np.unique(made)) == 2**bits


def test_halves_are_rounded_up() -> None:
    assert discretise(torch.tensor([0.5]), 1).item() == 1.0
    ties = torch.tensor([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5], dtype=torch.float64) / 7
    assert discretise(ties, 3).mul(7).tolist() == pytest.approx([1, 2, 3, 4, 5, 6, 7])


@given(SHARES, BITS)
def test_idempotent_ordered_and_never_farther_than_half_a_step(
    values: list[float], bits: int
) -> None:
    x = torch.tensor(sorted(values), dtype=torch.float32)
    once = discretise(x, bits)
    assert torch.equal(discretise(once, bits), once)
    assert bool((once.diff() >= 0).all())
    assert float((once.double() - x.double()).abs().max()) <= 0.5 / (2**bits - 1) + 1e-6
    assert set(discretise(torch.tensor([0.0, 1.0]), bits).tolist()) == {0.0, 1.0}


@given(SHARES, BITS)
def test_the_defence_and_the_data_are_discretised_alike(values: list[float], bits: int) -> None:
    x = torch.tensor(values, dtype=torch.float32)
    assert torch.equal(Discretised(nn.Identity(), bits)(x), discretise(x, bits))


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_split_keeps_bytes_where_it_can_and_says_its_bits(bits: int) -> None:
    images = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8)
    split = ImageSplit(images, torch.arange(4), "grey")
    made = discretise(split, bits)
    assert made.images.dtype == (torch.uint8 if bits in (1, 2, 4, 8) else torch.float32)
    assert torch.equal(to_float(made.images), discretise(to_float(images), bits))  # to the bit
    assert made.name == f"grey, {bits}-bit pixels"
    assert torch.equal(made.labels, split.labels) and split.images is images
    assert (made.fingerprint() == split.fingerprint()) == (bits == 8)


def test_gradients_are_the_identity_or_nothing() -> None:
    x = torch.rand(5, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    layer = nn.Linear(16, 3)
    through = torch.autograd.grad(Discretised(layer, 2)(x).sum(), x)[0]
    assert torch.allclose(through, layer.weight.sum(0).expand(5, 16))
    assert not torch.autograd.grad(Discretised(layer, 2, "none")(x).sum(), x)[0].any()


@pytest.fixture(scope="module")
def software() -> nn.Module:
    return wl.load_model("digits-cnn")


@pytest.fixture(scope="module")
def digits() -> ImageSplit:
    return wl.load_dataset("digits").test.take(200)


def test_the_adaptive_attack_beats_the_naive_one(software: nn.Module, digits: ImageSplit) -> None:
    victim, blind = Discretised(software, 4), Discretised(software, 4, "none")
    attack = wl.PGD(eps=0.15, steps=10, step_size=0.03)
    adaptive = wl.evaluate(victim=victim, source=victim, attack=attack, data=digits)
    naive = wl.evaluate(victim=blind, source=blind, attack=attack, data=digits)
    assert naive.clean == adaptive.clean
    assert naive.adversarial_accuracy > adaptive.adversarial_accuracy + 0.3
    assert (adaptive.victim.gradient, naive.victim.gradient) == ("straight-through", "none")
    assert (
        adaptive.victim.structure
        != naive.victim.structure
        != identify(Discretised(software, 2, "none")).structure
    )


def test_chip_inside_and_outside_compute_the_same(software: nn.Module, digits: ImageSplit) -> None:
    crossbar = wl.Crossbar.preset("rethinking-32", gain=wl.LeastSquaresGain())
    outside = Discretised(wl.map_model(software, crossbar, exclude=("fc2",)), 2)
    inside = wl.map_model(Discretised(software, 2), crossbar, exclude=("model.fc2",))
    images = to_float(digits.images[:20])
    assert list(inside.layers) == ["model.conv1", "model.conv2", "model.fc1"]
    assert torch.equal(inside(images), inside(discretise(images, 2)))
    assert not torch.equal(outside(images), outside.model(images))
    assert torch.equal(outside(images), outside.model(discretise(images, 2)))
    for model in (inside, outside):
        who = identify(model)
        assert who.gradient == "straight-through" and who.crossbar == crossbar
    assert identify(Discretised(outside.model, 2, "none")).gradient == "none"
    assert identify(outside.model).gradient == "exact"


def test_both_kinds_of_gradient_are_recorded(software: nn.Module) -> None:
    crossbar = wl.Crossbar.preset("isaac-like")
    chip = wl.map_model(software, crossbar)
    assert identify(chip).gradient == "straight-through"
    assert identify(Discretised(chip, 4, "none")).gradient == "none, straight-through"


def test_mistakes_are_answered_in_words() -> None:
    with pytest.raises(TypeError, match="`model` must be Module"):
        Discretised(3, 2)
    with pytest.raises(
        ValueError, match="`gradient` must be one of 'straight-through', 'none', got 'exact'"
    ):
        Discretised(nn.Identity(), 2, "exact")
    for make in (
        lambda bits: Discretised(nn.Identity(), bits),
        lambda bits: discretise(torch.zeros(1), bits),
    ):
        with pytest.raises(ValueError, match="`bits` must be at least 1, got 0"):
            make(0)
        with pytest.raises(ValueError, match="`bits` must be at most 24"):
            make(25)
    with pytest.raises(TypeError, match="`images` must be Tensor or ImageSplit"):
        discretise([0.5], 2)
    with pytest.raises(
        TypeError, match="`images` must be uint8 or floating point, got torch.int64"
    ):
        discretise(torch.arange(3), 2)
    for wrong in (1.5, -0.1, torch.nan):
        with pytest.raises(ValueError, match=r"`images` hold values outside \[0, 1\]"):
            discretise(torch.tensor([wrong]), 2)
