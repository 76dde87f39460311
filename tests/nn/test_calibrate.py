"""Ranges measured on data are the maxima and percentiles that one finds by hand."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.nn.reading.read_path import NOT_OBSERVED
from wordline.nn.reading.tally import Tally

IDEAL = wl.Crossbar.preset("ideal")


def chip_of(model: nn.Module, **changes: object) -> wl.Chip:
    return wl.map_model(model.double().eval(), dataclasses.replace(IDEAL, tile=(4, 4), **changes))


def images(count: int, *shape: int) -> list[tuple[Tensor, int]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(shape, generator=generator, dtype=torch.float64), 0) for _ in range(count)]


def answers(layer: nn.Linear, u: Tensor) -> Tensor:
    """What every tile column answers, in shares: 4 rows a tile, a positive and a negative array."""
    weight = layer.weight.detach().T / layer.weight.detach().abs().amax()
    device = IDEAL.device
    off = device.g_off_siemens / (device.g_on_siemens - device.g_off_siemens)
    parts = [
        u[:, i : i + 4] @ (off + (sign * weight[i : i + 4]).clamp(min=0))
        for i in (0, 4)
        for sign in (1, -1)
    ]
    return torch.stack(parts)


def test_a_dac_reaches_the_largest_input_of_the_images_that_were_asked_for() -> None:
    data = images(9, 8)
    chip = chip_of(nn.Linear(8, 4), dac=wl.UniformConverter(bits=8))
    assert wl.calibrate(chip, data, limit=7, batch_size=3) is chip
    assert chip.layers["model"].input_limit == torch.stack([x for x, _ in data[:7]]).abs().amax()
    wl.calibrate(chip, data, limit=0)
    assert chip.layers["model"].input_limit == torch.stack([x for x, _ in data]).abs().amax()


def test_a_percentile_is_that_of_each_batch_and_their_mean_is_kept() -> None:
    data = images(6, 8)
    chip = chip_of(nn.Linear(8, 4), dac=wl.UniformConverter(bits=8, range=wl.Calibrated(90)))
    wl.calibrate(chip, data, batch_size=3)
    x = torch.stack([x for x, _ in data]).view(2, 24).abs().sort().values
    assert (
        chip.layers["model"].input_limit == x[:, 21].mean()
    )  # the 22nd of 24 is the first that 90 percent reach


@pytest.mark.parametrize("percent", [100, 75])
def test_an_adc_is_measured_on_the_answers_of_all_tile_columns(percent: float) -> None:
    layer, data = nn.Linear(8, 4), images(5, 8)
    chip = chip_of(layer, adc=wl.UniformConverter(bits=8, range=wl.Calibrated(percent)))
    wl.calibrate(chip, data)
    x = torch.stack([x for x, _ in data])
    found = answers(layer, x / x.abs().amax(1, keepdim=True)).abs().flatten().sort().values
    wanted = found[-1] if percent == 100 else found[len(found) * 3 // 4 - 1]
    torch.testing.assert_close(chip.layers["model"].output_limit, wanted, rtol=1e-9, atol=0)
    chip.layers["model"].tally = Tally()
    chip(x)
    assert (chip.layers["model"].tally.saturated == 0) == (percent == 100)


def test_adcs_are_measured_behind_the_dacs_that_were_measured_before() -> None:
    layer, data = nn.Linear(8, 4), images(5, 8)
    dac = wl.UniformConverter(bits=3)
    chip = chip_of(layer, dac=dac, adc=wl.UniformConverter(bits=8))
    wl.calibrate(chip, data)
    x = torch.stack([x for x, _ in data])
    u = torch.floor(x / x.abs().amax() * 3 + 0.5) / 3
    torch.testing.assert_close(
        chip.layers["model"].output_limit, answers(layer, u).abs().amax(), rtol=1e-9, atol=0
    )


def test_a_later_layer_is_measured_on_what_the_earlier_one_gives_it() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    data = images(5, 8)
    chip = chip_of(model, dac=wl.UniformConverter(bits=8))
    wl.calibrate(chip, data)
    hidden = model[:2](torch.stack([x for x, _ in data]))
    torch.testing.assert_close(
        chip.layers["2"].input_limit, hidden.detach().amax(), rtol=1e-9, atol=0
    )


def test_inputs_that_are_all_zero_have_a_range_of_one() -> None:
    chip = chip_of(
        nn.Linear(8, 4), dac=wl.UniformConverter(bits=8), adc=wl.UniformConverter(bits=8)
    )
    wl.calibrate(chip, [(torch.zeros(8, dtype=torch.float64), 0)])
    layer = chip.layers["model"]
    assert (layer.input_limit, layer.output_limit) == (1, 1)


def test_calibrating_neither_counts_conversions_nor_stays_in_the_way() -> None:
    chip = chip_of(nn.Linear(8, 4), adc=wl.UniformConverter(bits=8))
    layer = chip.layers["model"]
    wl.calibrate(chip, images(3, 8))
    assert layer._observer == NOT_OBSERVED

    def broken() -> Tensor:
        raise RuntimeError("no such image")

    class Broken(list[tuple[Tensor, int]]):
        def __getitem__(self, index: object) -> tuple[Tensor, int]:  # type: ignore[override]
            return broken(), 0

    with pytest.raises(RuntimeError, match="no such image"):
        wl.calibrate(chip, Broken(images(2, 8)))
    assert layer._observer == NOT_OBSERVED


def test_a_layer_that_no_image_passes_through_stays_without_a_range() -> None:
    class Detour(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(8, 4), nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.used(x)
            return out

    layers = wl.calibrate(chip_of(Detour(), dac=wl.UniformConverter(bits=8)), images(3, 8)).layers
    assert layers["used"].input_limit > 0
    assert layers["spare"].input_limit.isnan()


def test_what_cannot_be_calibrated_is_refused() -> None:
    chip = chip_of(nn.Linear(8, 4), dac=wl.UniformConverter(bits=8))
    with pytest.raises(ValueError, match="`data` holds no images"):
        wl.calibrate(chip, [])
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        wl.calibrate(chip, images(1, 8), batch_size=0)
    with pytest.raises(TypeError, match="`chip` must be Chip"):
        wl.calibrate(nn.Linear(2, 2), images(1, 8))
    with pytest.raises(ValueError, match="`dac` has a range that is not calibrated yet"):
        chip(torch.ones(1, 8, dtype=torch.float64))
    chip = chip_of(nn.Linear(8, 4), adc=wl.UniformConverter(bits=8))
    with pytest.raises(ValueError, match="`adc` has a range that is not calibrated yet"):
        chip(torch.ones(1, 8, dtype=torch.float64))
