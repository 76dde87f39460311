"""Quantised networks: their codes, their gradients, and cells that hold them exactly."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation import identify
from wordline.quantisation import QuantisedLayer, levels_for, matching, quantise, quantised_layers
from wordline.quantisation.rounding import BatchInputRounding, InputRounding, Span, WeightRounding


def rounded_by_hand(weight: np.ndarray, bits: int) -> np.ndarray:
    """Each weight at the nearest of s k/n, by distances."""
    n, s = 2 ** (bits - 1) - 1, np.abs(weight).max()
    codes = s * np.arange(-n, n + 1) / n
    return codes[np.abs(weight[..., None] - codes).argmin(-1)]


@pytest.fixture
def images(rng: torch.Generator) -> torch.Tensor:
    return torch.rand(30, 2, 6, 6, generator=rng)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 12])
def test_weights_are_the_nearest_codes(tiny_cnn: nn.Module, bits: int) -> None:
    small = quantise(tiny_cnn, bits)
    for before, layer in zip(
        [tiny_cnn[0], tiny_cnn[5]], quantised_layers(small).values(), strict=True
    ):
        expected = rounded_by_hand(before.weight.detach().double().numpy(), bits)
        np.testing.assert_allclose(layer.weight.detach().numpy(), expected, atol=1e-6)
        assert len(torch.unique(layer.weight)) <= 2**bits - 1
        assert layer.weight.abs().max() == before.weight.abs().max()
        assert torch.equal(layer.bias, before.bias)


@given(st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=30), st.integers(2, 16))
def test_rounding_twice_is_rounding_once(values: list[float], bits: int) -> None:
    weight = torch.tensor(values)
    once = WeightRounding(bits)(weight)
    assert torch.equal(WeightRounding(bits)(once), once)
    assert (
        float((once - weight).abs().max())
        <= 0.501 * float(weight.abs().max()) / (2 ** (bits - 1) - 1) + 1e-30
    )


def test_a_layer_of_zeros_stays_zero() -> None:
    assert not WeightRounding(4)(torch.zeros(3)).any()


def test_the_network_is_the_one_with_rounded_weights_and_inputs(
    tiny_cnn: nn.Module, images: torch.Tensor
) -> None:
    small = quantise(tiny_cnn, {"0": 3, "5": 5}, activation_bits=4, calibration=images, percent=100)
    by_hand = copy.deepcopy(tiny_cnn)
    with torch.no_grad():
        for place, bits in ((0, 3), (5, 5)):
            weight = rounded_by_hand(by_hand[place].weight.double().numpy(), bits)
            by_hand[place].weight.copy_(torch.from_numpy(weight))
        first_limit = float(images.max())
        second_limit = float(
            by_hand[:5](images).max()
        )  # inputs of the head while no activation is rounded
        x = (images / first_limit * 15).round() / 15 * first_limit
        x = by_hand[:5](x)
        x = (x.clamp(max=second_limit) / second_limit * 15).round() / 15 * second_limit
        torch.testing.assert_close(small(images), by_hand[5](x), atol=1e-5, rtol=1e-5)
    assert [
        layer.inputs.limit.item() for layer in quantised_layers(small).values()
    ] == pytest.approx([first_limit, second_limit])


def test_the_original_is_not_touched(tiny_cnn: nn.Module, images: torch.Tensor) -> None:
    before, modules = copy.deepcopy(tiny_cnn.state_dict()), list(tiny_cnn.modules())
    small = quantise(tiny_cnn, 2, activation_bits=2, calibration=images)
    assert list(tiny_cnn.modules()) == modules
    assert all(torch.equal(value, before[name]) for name, value in tiny_cnn.state_dict().items())
    assert not any(module._forward_pre_hooks for module in small.modules())
    assert not torch.equal(small(images), tiny_cnn(images))


def test_few_named_layers_and_shared_ones(rng: torch.Generator) -> None:
    twice = nn.Linear(4, 4)
    model = nn.Sequential(twice, nn.ReLU(), twice, nn.Linear(4, 2)).eval()
    small = quantise(model, {"0": 2})
    assert list(quantised_layers(small)) == ["0"] and small[0] is small[2]
    assert isinstance(small[3], nn.Linear)
    x = torch.rand(3, 4, generator=rng)
    weight = torch.from_numpy(rounded_by_hand(twice.weight.detach().double().numpy(), 2)).float()
    hidden = nn.functional.linear(
        nn.functional.linear(x, weight, twice.bias).relu(), weight, twice.bias
    )
    torch.testing.assert_close(small(x), model[3](hidden))


def test_gradients_pass_straight_through(rng: torch.Generator) -> None:
    layer = nn.Linear(3, 2).eval()
    small = quantise(
        layer, 3, activation_bits=2, calibration=torch.tensor([[0.0, 0.5, 1.0]]), percent=100
    )
    x = torch.tensor([[0.2, 0.9, 1.4]], requires_grad=True)  # the last one saturates
    small(x).sum().backward()
    expected = small.weight.detach().sum(0) * torch.tensor([1.0, 1.0, 0.0])
    torch.testing.assert_close(x.grad[0], expected)
    trained = small.layer.parametrizations.weight.original
    assert torch.equal(trained, layer.weight)
    torch.testing.assert_close(
        trained.grad, torch.tensor([[1 / 3, 1.0, 1.0]] * 2)
    )  # the rounded activations


def test_negative_activations_get_a_sign() -> None:
    x = torch.tensor([-2.0, -0.4, 0.3, 1.0])
    assert InputRounding(2, Span(2.0, signed=True))(x).tolist() == [
        -2.0,
        0.0,
        0.0,
        2.0,
    ]  # 1.0 is a half: up
    assert InputRounding(2, Span(2.0, signed=False))(x).tolist() == pytest.approx([0, 0, 0, 4 / 3])
    assert BatchInputRounding(2, 100.0)(x).tolist() == [-2.0, 0.0, 0.0, 2.0]
    small = quantise(nn.Linear(4, 1).eval(), 4, activation_bits=3, calibration=x[None])
    assert small.inputs.signed


def test_half_precision_is_widened_before_it_is_rounded() -> None:
    x = (torch.arange(256) / 255).bfloat16()
    made = InputRounding(8, Span(1.0, signed=False))(x)
    assert torch.equal(made, InputRounding(8, Span(1.0, signed=False))(x.float()))
    assert torch.equal(BatchInputRounding(8, 100.0)(x), made)


def test_percentiles_over_batches() -> None:
    head = nn.Linear(1, 1).eval()
    many = torch.cat([torch.linspace(0, 1, 100), torch.linspace(0, 3, 100)])[:, None]
    assert (
        quantise(head, 2, activation_bits=2, calibration=many, percent=100).inputs.limit.item() == 3
    )
    half = quantise(head, 2, activation_bits=2, calibration=many, percent=50).inputs.limit.item()
    assert half == pytest.approx((49 / 99 + 3 * 49 / 99) / 2)
    split = ImageSplit(
        (many * 255 / 3).byte().view(-1, 1, 1, 1), torch.zeros(200, dtype=torch.int64)
    )
    of_bytes = quantise(
        nn.Sequential(nn.Flatten(), head).eval(),
        2,
        activation_bits=2,
        calibration=split,
        percent=100,
    )
    assert of_bytes[1].inputs.limit.item() == 1.0


ENCODINGS = [wl.DifferentialPair(), wl.DifferentialPair(two_sided=True), wl.OffsetColumn()]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=["pair", "two-sided", "offset"])
@pytest.mark.parametrize("bits", [2, 3, 5, 8])
def test_matching_cells_round_nothing_and_one_level_less_does(
    tiny_cnn: nn.Module, images: torch.Tensor, encoding: wl.DifferentialPair, bits: int
) -> None:
    small = quantise(
        tiny_cnn, {"0": bits, "5": bits + 1}, activation_bits=6, calibration=images
    ).double()
    crossbar = dataclasses.replace(wl.Crossbar.preset("ideal"), encoding=encoding)
    chip = wl.map_model(small, crossbar, overrides=matching(small, crossbar))
    with torch.no_grad():
        torch.testing.assert_close(
            chip(images.double()), small(images.double()), rtol=1e-12, atol=1e-12
        )
    held = {
        name: len(np.unique(layer.conductances.numpy().round(12)))
        for name, layer in chip.layers.items()
    }
    wanted = levels_for(small, encoding)
    one_sided = encoding == wl.DifferentialPair()
    expected = (2 ** (bits - 1), 2**bits) if one_sided else (2**bits - 1, 2 ** (bits + 1) - 1)
    assert wanted == dict(zip(("0", "5"), expected, strict=True))
    assert all(held[f"{name}.layer"] <= levels for name, levels in wanted.items())
    one_less = dataclasses.replace(crossbar.device, levels=wanted["5"] - 1)
    coarse = wl.map_model(small, dataclasses.replace(crossbar, device=one_less))
    assert not torch.allclose(coarse(images.double()), small(images.double()), atol=1e-6)


def test_bit_slices_cut_the_same_codes(tiny_cnn: nn.Module, images: torch.Tensor) -> None:
    small = quantise(tiny_cnn, {"0": 4, "5": 7})
    for encoding in ENCODINGS:
        crossbar = dataclasses.replace(
            wl.Crossbar.preset("ideal"), encoding=encoding, slicing=wl.BitSlicing(16, 2, 20, 10)
        )
        chip = wl.map_model(small, crossbar, overrides=matching(small, crossbar))
        torch.testing.assert_close(
            chip(images), small(images), rtol=1e-4, atol=1e-4
        )  # 20-bit inputs


def test_a_chip_of_a_quantised_network_says_so(tiny_cnn: nn.Module, images: torch.Tensor) -> None:
    small = quantise(tiny_cnn, 4, activation_bits=4, calibration=images)
    crossbar = wl.Crossbar.preset("rethinking-16")
    chip = wl.map_model(small, crossbar, seed=3, overrides=matching(small, crossbar), strict=True)
    assert identify(small).gradient == identify(chip).gradient == "straight-through"
    assert identify(quantise(tiny_cnn, 4)).gradient == "exact"  # rounded weights are weights
    assert identify(quantise(tiny_cnn, 4)).structure != identify(quantise(tiny_cnn, 5)).structure
    again = copy.deepcopy(chip)
    again.load_state_dict(chip.state_dict())
    assert torch.equal(again(images), chip(images))
    assert dict(chip.overrides)["0"].device.levels == 8


def test_networks_that_read_weights_and_state_dicts(
    tiny_cnn: nn.Module, images: torch.Tensor
) -> None:
    small = quantise(tiny_cnn, 4, activation_bits=4, calibration=images)
    assert isinstance(small[0], QuantisedLayer) and small[0].out_channels == 5
    assert "4-bit weights" in repr(small)
    other = quantise(tiny_cnn, 4, activation_bits=4, calibration=images / 2)
    other.load_state_dict(small.state_dict())
    assert torch.equal(other(images), small(images))
    assert torch.equal(copy.deepcopy(small)(images), small(images))


def test_mistakes_are_answered_in_words(tiny_cnn: nn.Module, images: torch.Tensor) -> None:
    with pytest.raises(TypeError, match="`model` must be Module"):
        quantise(3, 2)
    with pytest.raises(ValueError, match="`model` is in training mode"):
        quantise(nn.Linear(2, 2), 2)
    with pytest.raises(ValueError, match="`model` has no linear or convolution layer to quantise"):
        quantise(nn.ReLU().eval(), 2)
    with pytest.raises(ValueError, match="already; quantise the network it was"):
        quantise(quantise(tiny_cnn, 3), 3)
    with pytest.raises(ValueError, match="`model` is a chip; quantise the software network"):
        quantise(wl.map_model(tiny_cnn, wl.Crossbar.preset("ideal")), 3)
    lstm = nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 3)).eval()
    with pytest.raises(ValueError, match=r"layer '1' \(LSTM\) multiplies by its weights itself"):
        quantise(lstm, 4)
    assert list(quantised_layers(quantise(lstm, {"0": 4}))) == ["0"]
    for wrong, kind, message in (
        (1, ValueError, "`bits` must be at least 2, got 1"),
        (17, ValueError, "`bits` must be at most 16, got 17"),
        ({"0": 4, "head": 4}, ValueError, "`bits` pattern 'head' matches no layer; there are 0, 5"),
        ("4", TypeError, "`bits` must be int or Mapping"),
        ({"0": 2.5}, TypeError, "`bits` must be a whole number"),
    ):  # fmt: skip
        with pytest.raises(kind, match=message):
            quantise(tiny_cnn, wrong)
    with pytest.raises(ValueError, match="`activation_bits` need `calibration` images"):
        quantise(tiny_cnn, 2, activation_bits=2)
    with pytest.raises(TypeError, match="`calibration` must be Tensor or ImageSplit"):
        quantise(tiny_cnn, 2, activation_bits=2, calibration=[images])
    with pytest.raises(ValueError, match="`calibration` holds no images"):
        quantise(tiny_cnn, 2, activation_bits=2, calibration=images[:0])
    with pytest.raises(ValueError, match="`percent` must be at most 100"):
        quantise(tiny_cnn, 2, activation_bits=2, calibration=images, percent=101)
    with pytest.raises(
        ValueError, match="`activation_bits` pattern '5' matches no layer; there are 0"
    ):
        quantise(tiny_cnn, {"0": 2}, activation_bits={"5": 2}, calibration=images)
    with pytest.raises(
        ValueError, match="`activation_bits` of '0' must be at least 2, got 1: its inputs"
    ):
        quantise(tiny_cnn, 2, activation_bits=1, calibration=-images)

    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    with pytest.raises(
        ValueError, match="`activation_bits` of 'idle' cannot be calibrated: no image passes"
    ):
        quantise(Idle().eval(), 2, activation_bits=2, calibration=torch.rand(2, 3))


def test_crossbars_that_cannot_match(tiny_cnn: nn.Module) -> None:
    small = quantise(tiny_cnn, 4)
    with pytest.raises(
        ValueError, match="`model` has no quantised layer; make it by wordline.quantise"
    ):
        levels_for(tiny_cnn)
    with pytest.raises(ValueError, match=r"`crossbar` must have scale=MaxScale\(\)"):
        matching(small, wl.Crossbar.preset("puma-32x32-100k"))
    measured = wl.MeasuredDevice((1e-6, 1e-5), (1e-6, 1e-5), (0.0, 0.0))
    with pytest.raises(TypeError, match="`crossbar` device must be Memristor"):
        matching(small, dataclasses.replace(wl.Crossbar.preset("ideal"), device=measured))
    with pytest.raises(TypeError, match="`crossbar` must be Crossbar"):
        matching(small, "ideal")
