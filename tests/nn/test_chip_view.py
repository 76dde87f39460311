"""A chip's maps against the dense circuit and against closed forms."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import wordline as wl
from wordline.nn import ChipView, chip_view, map_model


def linear(inputs: int, outputs: int) -> nn.Module:
    torch.nn.init.uniform_(
        (layer := nn.Linear(inputs, outputs)).weight, generator=torch.Generator().manual_seed(0)
    )
    return layer.eval()


def crossbar(tile: int, **wires: float) -> wl.Crossbar:
    return dataclasses.replace(
        wl.Crossbar.preset("ideal"), tile=(tile, tile), wires=wl.Wires(**wires)
    )


def test_one_device_behind_two_resistors_is_a_divider() -> None:
    """A 1 x 1 array.

    I = V / (R_driver + 1/G + R_sense), so W / G = 1 / (1 + G (R_driver + R_sense)).
    """
    chip = map_model(linear(1, 1), crossbar(1, driver_ohm=3e3, sense_ohm=1e3))
    (view,) = chip_view(chip).layers
    g = chip.layers["model"].conductances.double()
    kept = (1 / (1 + g * 4e3)).mean().item()
    assert view.kept[0][0] == pytest.approx(kept, abs=1e-4)
    assert view.nf[0][0] == pytest.approx(1 - kept, abs=1e-4)  # mean over both halves of the pair
    assert view.conductance[0][0] == pytest.approx(1e6 * g.mean().item(), abs=1e-3)


def test_maps_have_a_place_for_every_tile_and_survive_json() -> None:
    view = chip_view(map_model(linear(20, 9), crossbar(8, row_ohm=5.0, col_ohm=10.0)))
    (layer,) = view.layers
    assert np.shape(layer.nf) == np.shape(layer.conductance) == (3, 2) and np.shape(layer.kept) == (
        8,
        8,
    )
    assert all(0 < value < 1 for row in layer.nf for value in row)
    assert (
        layer.kept[-1][0] > layer.kept[0][-1]
    )  # near the driver and the sense end the wires are shortest
    assert ChipView.from_json(view.to_json()) == view


def test_large_arrays_are_averaged_in_blocks() -> None:
    (layer,) = chip_view(map_model(linear(64, 64), crossbar(64, row_ohm=1.0))).layers
    assert np.shape(layer.kept) == (32, 32)


def test_a_chip_without_wires_loses_nothing() -> None:
    (layer,) = chip_view(map_model(linear(5, 3), crossbar(4))).layers
    assert set(sum(layer.nf, ())) == {0.0} and set(sum(layer.kept, ())) == {1.0}
