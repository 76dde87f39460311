"""What a chip says of itself, against counts by hand."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.nn.crossbars import CODES, READ, REAL
from torch import nn

import wordline as wl

SLICED = dataclasses.replace(CODES, slicing=wl.BitSlicing(5, 2, 6, 2))


def test_arrays_of_slices_and_signs_by_hand() -> None:
    row = wl.map_model(nn.Linear(10, 7).eval(), SLICED).report().layers[0]
    assert (row.slices, row.halves, row.tiles, row.cells) == (
        2,
        2,
        4 * 2 * 2,
        16 * 48,
    )  # 4 bits of magnitude by 2
    assert row.utilisation == pytest.approx(4 * 70 / row.cells)
    offset = dataclasses.replace(SLICED, encoding=wl.OffsetColumn())
    row = wl.map_model(nn.Linear(10, 7).eval(), offset).report().layers[0]
    assert (row.slices, row.halves, row.tiles) == (
        3,
        1,
        3 * 2 * 2,
    )  # 5 columns of a tile hold weights


def test_totals_are_weighted_sums() -> None:
    report = wl.map_model(nn.Sequential(nn.Linear(10, 7), nn.Linear(7, 3)).eval(), REAL).report()
    assert (report.tiles, report.cells) == (8 + 2, 480)
    assert report.utilisation == pytest.approx(2 * (70 + 21) / 480)
    assert report.nf == pytest.approx((8 * report.layers[0].nf + 2 * report.layers[1].nf) / 10)
    assert "10 tiles, 480 cells, 38% used" in str(report)


def test_saturation_is_shown_after_the_first_conversion() -> None:
    small = dataclasses.replace(CODES, adc=wl.UniformConverter(bits=7, range=wl.FullScale(1e-4)))
    chip = wl.map_model(nn.Linear(10, 7).eval(), small)
    before = chip.report().layers[0]
    assert before.converted == 0 and math.isnan(before.saturation) and " - " in str(chip.report())
    chip(torch.rand(3, 10))
    row = chip.report().layers[0]
    assert row.converted == chip.layers["model"].tally.conversions > 0
    assert 0 < row.saturation <= 1 and f"{row.saturation:.2%}" in str(chip.report())
    assert type(chip.report()).from_json(chip.report().to_json()) == chip.report()


@pytest.mark.parametrize(
    ("layer", "shape", "vectors"),
    [
        (nn.Linear(10, 7), (3, 10), 1),
        (nn.Linear(10, 7), (3, 5, 10), 5),
        (nn.Conv2d(4, 6, 3, padding=1, stride=2, groups=2), (3, 4, 8, 6), 4 * 3),
        (nn.Conv1d(4, 6, 3, padding=1, padding_mode="circular"), (3, 4, 9), 9),
        (nn.ConvTranspose2d(4, 6, 3, stride=2), (3, 4, 5, 6), 30),
        (nn.LSTM(4, 6, batch_first=True), (3, 5, 4), 10),
    ],
    ids=str,
)
@pytest.mark.parametrize("crossbar", [CODES, SLICED])
def test_counts_of_one_inference(
    layer: nn.Module, shape: tuple[int, ...], vectors: int, crossbar: wl.Crossbar
) -> None:
    """Vectors by hand.

    Conversions as the arrays themselves counted them; cell reads follow from the tile.
    """
    chip, x = wl.map_model(layer.eval(), crossbar), torch.rand(shape)
    report = chip.report(x)
    assert report.usage.vectors == vectors
    chip(x)
    for row in report.layers:
        assert row.usage.conversions * shape[0] == chip.layers[row.name].tally.conversions
        assert row.usage.cell_reads == row.usage.conversions * 8
        assert row.usage.reads >= row.usage.vectors * (1 if crossbar is CODES else 3)
    assert type(report).from_json(report.to_json()) == report
    assert "one inference" in str(report) and "one inference" not in str(chip.report())


def test_counting_leaves_the_chip_as_it_was(tiny_cnn: nn.Module) -> None:
    noisy = dataclasses.replace(CODES, nonidealities=(wl.ReadNoise(0.05),))
    chip, again = (wl.map_model(tiny_cnn, noisy, trainable=True) for _ in range(2))
    x = torch.rand(2, 2, 6, 6)
    chip.model[1].train()
    state = {name: value.clone() for name, value in chip.state_dict().items()}
    chip.report(x)
    for name, value in chip.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0, equal_nan=True)
    assert all(not m._forward_pre_hooks for m in chip.modules())
    assert chip.layers["0"].tally.conversions == 0 and chip.model[1].training
    chip.model[1].eval()
    assert torch.equal(chip(x), again(x))  # the noise goes on as if nothing had been read


def test_a_layer_called_twice_counts_twice() -> None:
    shared = nn.Linear(4, 4)
    chip = wl.map_model(nn.Sequential(shared, nn.ReLU(), shared).eval(), READ)
    assert chip.report(torch.rand(5, 4)).usage.vectors == 2
    assert chip.report(torch.rand(5, 4)).usage.conversions == 0  # no converter
    with pytest.raises(TypeError, match="`example` must be Tensor"):
        chip.report("images")


def test_conductances_leave_for_the_instrument(tiny_cnn: nn.Module, tmp_path: Path) -> None:
    chip = wl.map_model(tiny_cnn, REAL)
    chip.export(tmp_path / "chip.npz")
    with np.load(tmp_path / "chip.npz") as file:
        assert np.array_equal(file["5"], chip.layers["5"].conductances.numpy())
    chip.export(str(tmp_path / "chip.csv"))
    assert (tmp_path / "chip.csv").read_text().startswith("layer,array,group")
    with pytest.raises(ValueError, match=r"`path` must end in .npz or .csv, got 'chip.txt'"):
        chip.export("chip.txt")
