"""Several devices a weight, pairs subtracted as currents, and scales of columns."""

import dataclasses
import math

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.devices import OutputBound
from wordline.mapping import BlockDiagonal, ColumnScale, SequentialDevices, SharedDevices, program
from wordline.mapping.cells import arrays_per_converter

IDEAL = dataclasses.replace(wl.Crossbar.preset("ideal"), tile=(32, 32))
PAIR = dataclasses.replace(IDEAL, encoding=wl.DifferentialPair(analog=True))
FINE = wl.UniformConverter(bits=20, range=wl.FullScale())
SEVERAL = [SharedDevices(2), SharedDevices(3), SequentialDevices((1.0, 3.0))]
ENCODINGS = [
    wl.DifferentialPair(), wl.DifferentialPair(two_sided=True), wl.DifferentialPair(analog=True),
    wl.DifferentialPair(two_sided=True, analog=True), wl.OffsetColumn(),
]  # fmt: skip
X = torch.linspace(-1, 1, 4 * 40, dtype=torch.float64).view(4, 40)


def linear(inputs: int = 40, outputs: int = 35) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False).eval().double()
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(0))
    layer.load_state_dict({"weight": weight.double()})
    return layer


@pytest.mark.parametrize("slicing", [wl.NoSlicing(), *SEVERAL])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("adc", [wl.IdealConverter(), FINE])
def test_without_imperfections_the_products_are_those_of_software(
    slicing: wl.AbstractSlicing, encoding: wl.AbstractEncoding, adc: wl.AbstractConverter
) -> None:
    crossbar = dataclasses.replace(IDEAL, slicing=slicing, encoding=encoding, adc=adc)
    model = linear()
    chip = wl.map_model(model, crossbar)
    atol = 1e-12 if adc.ideal else 0.02  # 400 codes of 1e-4 of a product
    torch.testing.assert_close(chip(X), model(X), rtol=0, atol=atol)
    assert wl.Crossbar.from_json(crossbar.to_json()) == crossbar


def test_shared_devices_average_their_errors() -> None:
    matrix = torch.full((1, 200, 200), 0.5)
    sigmas = []
    for slicing in (wl.NoSlicing(), SharedDevices(4)):
        noisy = dataclasses.replace(
            IDEAL, slicing=slicing, nonidealities=(wl.GaussianVariation(0.1),),
            device=wl.Memristor(2e4, math.inf),
        )  # fmt: skip
        made = program(matrix, noisy, generator=torch.Generator().manual_seed(0)).weight
        sigmas.append(float(made.std()))
        assert made.mean() == pytest.approx(0.5, abs=0.002)
    assert sigmas[0] == pytest.approx(0.05, rel=0.02)  # of one device, at the end of the window
    assert sigmas[1] == pytest.approx(0.05 / 2, rel=0.02)


def test_small_weights_meet_the_errors_of_the_first_device_alone() -> None:
    matrix = torch.full((1, 200, 200), 0.2)
    matrix[0, 0, 0] = 1.0  # fills the window
    noisy = dataclasses.replace(
        IDEAL, slicing=SequentialDevices((1.0, 3.0)), device=wl.Memristor(2e4, math.inf),
        nonidealities=(wl.GaussianVariation(0.1),),
    )  # fmt: skip
    made = program(matrix, noisy, generator=torch.Generator().manual_seed(0)).weight
    assert made.flatten()[1:].std() == pytest.approx(0.1 * 0.2, rel=0.02)
    digits = SequentialDevices((1.0, 3.0)).slice_digits(torch.tensor([0.2, 1.0]), 1)
    torch.testing.assert_close(digits, torch.tensor([0.8, 1.0, 0.0, 1.0]))


def test_a_pair_subtracted_in_front_of_its_converter_is_rounded_once() -> None:
    model = nn.Linear(1, 1, bias=False).eval()
    model.load_state_dict({"weight": torch.ones(1, 1)})
    adc = wl.UniformConverter(bits=3, range=OutputBound(1.0))  # codes of thirds of a product
    dac = wl.IdealConverter(range=wl.FixedRange(1.0))
    x = torch.tensor([[0.4], [-0.6]])
    once = wl.map_model(model, dataclasses.replace(PAIR, adc=adc, dac=dac))
    torch.testing.assert_close(once(x), torch.tensor([[1 / 3], [-2 / 3]]))
    # a column of 50 uS in a window of 45: 0.444 -> 1/3, less one of 5 uS: 0.044 -> 0
    twice = wl.map_model(model, dataclasses.replace(IDEAL, adc=adc, dac=dac))
    torch.testing.assert_close(twice(x), torch.tensor([[1 / 3], [-2 / 3]]))
    x = torch.tensor([[0.46]])  # 0.511 -> 2/3, but the difference is 0.46 -> 1/3
    torch.testing.assert_close(once(x), torch.tensor([[1 / 3]]))
    torch.testing.assert_close(twice(x), torch.tensor([[2 / 3]]))


@pytest.mark.parametrize("slicing", [wl.NoSlicing(), SharedDevices(3)])
@pytest.mark.parametrize("adc", [wl.IdealConverter(), FINE])
def test_merged_columns_have_the_noise_of_one(
    slicing: wl.AbstractSlicing, adc: wl.AbstractConverter
) -> None:
    noise = wl.OutputNoise(0.5, OutputBound(1.0))
    crossbar = dataclasses.replace(
        PAIR, slicing=slicing, adc=adc, output_noise=noise,
        dac=wl.IdealConverter(range=wl.FixedRange(2.0)),
    )  # fmt: skip
    model = linear()
    chip = wl.map_model(model, crossbar)
    layer = chip.layers["model"]
    largest = float(model.weight.detach().abs().max())
    expected = 0.5 * 2.0 * largest * math.sqrt(2)  # two row tiles
    torch.testing.assert_close(layer.output_noise_std(), torch.full((35,), expected).double())
    with torch.no_grad():
        drawn = torch.stack([chip(X) - model(X) for _ in range(60)])
    assert drawn.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * drawn.numel()))


def test_merged_columns_are_converted_once() -> None:
    crossbar = dataclasses.replace(PAIR, slicing=SharedDevices(2), adc=FINE)
    assert arrays_per_converter(crossbar) == 4
    chip = wl.map_model(linear(), crossbar)
    chip(X)
    made = 4 * 2 * 2 * 32  # vectors, row tiles, column tiles, columns
    assert chip.layers["model"].tally.conversions == made
    assert chip.report(X[:1]).layers[0].usage.conversions == 2 * 2 * 32


@pytest.mark.parametrize("slicing", SEVERAL)
def test_derivatives_pass_through_several_devices_and_column_scales(
    slicing: wl.AbstractSlicing,
) -> None:
    crossbar = dataclasses.replace(PAIR, slicing=slicing, scale=ColumnScale(), tile=(4, 4))
    model = linear(6, 5)
    chip = wl.map_model(model, crossbar, trainable=True)
    x = X[:, :6].clone().requires_grad_()
    assert torch.autograd.gradcheck(chip, x)
    chip(x).square().sum().backward()
    model(x).square().sum().backward()
    grad = chip.layers["model"].weight.grad
    assert grad is not None
    inside = grad[(model.weight.abs() < model.weight.abs().amax(1, keepdim=True))]
    expected = model.weight.grad
    assert expected is not None
    mask = model.weight.abs() < model.weight.abs().amax(1, keepdim=True)
    torch.testing.assert_close(inside, expected[mask])


def test_every_column_fills_the_window_and_a_column_of_zeros_stays_zero() -> None:
    weight = torch.tensor([[[0.1, 4.0, 0.0], [-0.2, 1.0, 0.0]]])
    crossbar = dataclasses.replace(IDEAL, scale=ColumnScale(), tile=(2, 3))
    made = program(weight, crossbar, generator=torch.Generator())
    torch.testing.assert_close(made.weight, weight)
    on = crossbar.device.g_on_siemens
    assert made.conductances.amax((0, 1, 2, 3, 4)).tolist()[:2] == pytest.approx([on, on])
    chip = wl.map_model(linear(), dataclasses.replace(crossbar, adc=FINE, tile=(32, 32)))
    torch.testing.assert_close(chip(X), linear()(X), rtol=0, atol=0.02)


def test_column_scales_of_groups_that_share_tiles() -> None:
    conv = nn.Conv2d(4, 4, 3, groups=4, bias=False).eval()
    x = torch.rand(2, 4, 6, 6)
    crossbar = dataclasses.replace(IDEAL, scale=ColumnScale(), packing=BlockDiagonal())
    for its in (crossbar, dataclasses.replace(crossbar, adc=FINE)):
        torch.testing.assert_close(wl.map_model(conv, its)(x), conv(x), rtol=0, atol=1e-3)


def test_bad_numbers_of_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="`devices` must be at least 2"):
        SharedDevices(1)
    with pytest.raises(TypeError, match="`significances` must be a tuple"):
        SequentialDevices((1.0,))
    with pytest.raises(ValueError, match="`significances` must be greater than 0"):
        SequentialDevices((1.0, 0.0))
    with pytest.raises(TypeError, match="`analog` must be bool"):
        wl.DifferentialPair(analog=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["pcm-hermes", "rram-wan2022", "rram-neurosim"])
def test_presets_of_published_devices_compute_and_name_their_source(name: str) -> None:
    crossbar = wl.Crossbar.preset(name, gain=wl.LeastSquaresGain(at_reading=True))
    assert wl.Crossbar.from_json(crossbar.to_json()) == crossbar
    model = linear(40, 10).float()
    x = X.float()
    y, expected = wl.map_model(model, crossbar, seed=1)(x), model(x)
    assert 0.0 < (y - expected).norm() / expected.norm() < 0.4
    from wordline.mapping.explain import explain

    source = {"pcm-hermes": "Nandakumar", "rram-wan2022": "Wan et al.", "rram-neurosim": "Cell.cpp"}
    assert source[name] in explain(crossbar, name=name)
