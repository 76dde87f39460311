"""The cell is `noise_stability` of the chip that `map_model` gives, and its passes count."""

from __future__ import annotations

import dataclasses

import pytest
from torch import nn

import wordline as wl
from wordline.runs import DeviationCell, Images, PretrainedNetwork, StabilityCell, Store, cost
from wordline.runs.cell import AbstractCell
from wordline.runs.chips import load_chip
from wordline.runs.threads import fixed_threads

CROSSBAR = wl.Crossbar.preset("rethinking-16")
CELL = StabilityCell(
    network=PretrainedNetwork("digits-cnn"),
    images=Images("digits", limit=4),
    crossbar=CROSSBAR,
    chip_seed=1,
    batch_size=4,
)


def test_it_is_noise_stability_of_the_chip() -> None:
    store, software = Store(), wl.load_model("digits-cnn")
    cell = CELL.pinned(store)
    with fixed_threads(1):
        found = cell.run(store)
        chip = wl.map_model(software, CROSSBAR, 1)
        data = wl.load_dataset("digits").test
        assert found == wl.noise_stability(
            software=software, chip=chip, data=data, limit=4, batch_size=4
        )
    assert AbstractCell.from_json(cell.to_json()) == cell
    assert cell.label == "stability 16x16 #1"


@pytest.mark.parametrize(
    "change", [{"chip_seed": 2}, {"draws": 3}, {"probes": 4}, {"seed": 5}, {"threads": 2}]
)
def test_every_condition_is_in_the_key(change: dict[str, int]) -> None:
    assert dataclasses.replace(CELL, **change).key != CELL.key


def test_impossible_cells_are_refused() -> None:
    for name, least in (("chip_seed", 0), ("seed", 0), ("draws", 1), ("probes", 1)):
        with pytest.raises(ValueError, match=f"`{name}` must be at least {least}"):
            dataclasses.replace(CELL, **{name: least - 1})
    with pytest.raises(TypeError, match="`crossbar` must be Crossbar"):
        dataclasses.replace(CELL, crossbar=wl.records.Software())


def test_its_forward_passes_are_counted() -> None:
    """Of the software network, by a hook on its first layer; the chip runs once."""
    store, seen = Store(), []
    cell = CELL.pinned(store)
    network = cell.network.load(store)
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    chip = load_chip(
        store, cell.network, CROSSBAR, 1, cell.calibration
    )  # mapped before the hook is there
    handle = first.register_forward_hook(lambda module, given, made: seen.append(len(made)))
    cell.run(store)
    handle.remove()
    counted = cost((cell,), store)
    layers = len(chip.layers)
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in network.modules()) == layers
    assert (counted.forward, counted.backward, counted.chips) == (4 * (2 + layers), 4 * 10, 1)
    assert 1 + layers <= seen.count(4) <= 1 + layers + 1  # one more sees whether the bias counts


def test_a_deviation_is_counted() -> None:
    cell = DeviationCell(
        network=PretrainedNetwork("digits-cnn"),
        images=Images("digits", limit=3),
        crossbar=CROSSBAR,
        eps=0.1,
    )
    counted = cost((cell,), Store())
    assert (counted.forward, counted.backward, counted.chips) == (3 * 12, 3 * 2, 1)
