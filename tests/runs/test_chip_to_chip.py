"""Images crafted on one chip and scored on another of the same design, in cells and grids."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import wordline as wl
from wordline.evaluation import identify
from wordline.runs import EvaluationCell, Grid, Images, Journal, PretrainedNetwork, Store, run_grid
from wordline.runs.cell import AbstractCell
from wordline.runs.cost import cost

NETWORK, IMAGES = PretrainedNetwork("digits-cnn"), Images("digits", limit=12)
CROSSBAR = wl.Crossbar.preset("rethinking-16", gain=wl.UnitGain())
ATTACK = wl.PGD(eps=0.1, steps=3, step_size=0.05, early_stop=True)
CELL = EvaluationCell(
    setting="chip-to-chip", network=NETWORK, images=IMAGES, attack=ATTACK, crossbar=CROSSBAR,
    chip_seed=1, source_seed=7,
)  # fmt: skip


def test_a_cell_is_the_evaluation_of_two_chips() -> None:
    store = Store()
    made = CELL.pinned(store)
    assert AbstractCell.from_json(made.to_json()) == made and made.attack == ATTACK.for_transfer()
    software = wl.load_model("digits-cnn")
    victim, source = (wl.map_model(software, CROSSBAR, seed) for seed in (1, 7))
    record = made.run(store)
    data = IMAGES.load(store)
    by_hand = wl.evaluate(victim=victim, source=source, attack=made.attack, data=data)
    assert record == dataclasses.replace(by_hand, flags=record.flags)
    assert record.setting == "chip-to-chip" and record.source == identify(source)
    assert record.victim.seed == 1 and record.source.seed == 7


def test_images_are_crafted_once_for_all_victims(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    CELL.pinned(store).run(store)
    monkeypatch.setattr("wordline.runs.chips.craft", lambda *a, **k: pytest.fail("crafted again"))
    dataclasses.replace(CELL, chip_seed=2).pinned(store).run(store)
    with pytest.raises(pytest.fail.Exception):
        dataclasses.replace(CELL, source_seed=8).pinned(store).run(store)


def test_the_source_is_part_of_the_key_and_of_no_other_setting() -> None:
    store = Store()
    assert dataclasses.replace(CELL, source_seed=8).pinned(store).key != CELL.pinned(store).key
    white = dataclasses.replace(CELL, setting="HH")
    assert white.source_seed == -1


def test_a_grid_adds_the_chips_that_images_are_crafted_on(tmp_path: Path) -> None:
    grid = Grid((CROSSBAR,), (ATTACK,), (0, 1), ("SW", "HH"), twins=True, crafted_on=(1, 7))
    found = [
        (c.setting, type(c.crossbar).__name__, c.chip_seed, c.source_seed)
        for c in grid.cells(NETWORK, IMAGES)
    ]
    assert found == [
        ("SW", "Software", 0, -1), ("HH", "Crossbar", 0, -1), ("chip-to-chip", "Crossbar", 0, 1),
        ("chip-to-chip", "Crossbar", 0, 7), ("HH", "Twin", 0, -1), ("HH", "Crossbar", 1, -1),
        ("chip-to-chip", "Crossbar", 1, 7), ("HH", "Twin", 1, -1),
    ]  # fmt: skip
    cells = dataclasses.replace(grid, twins=False).cells(NETWORK, IMAGES)
    counted = cost(cells, Store())
    assert counted.chips == 3  # two victims, and one whose images they are given
    crafted = 1 + 2 + 2  # software's, two white-box, and those of chips 1 and 7, once each
    assert counted.backward == crafted * 3 * 12
    small = dataclasses.replace(grid, twins=False, seeds=(0,), crafted_on=(7,))
    split = IMAGES.load(Store())
    records = run_grid(wl.load_model("digits-cnn"), split, small, Journal(tmp_path / "r.jsonl"))
    assert [record.setting for record in records] == ["SW", "HH", "chip-to-chip"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source_seed": 1}, ValueError, "`source_seed` is 1, the seed of the victim"),
        ({"source_seed": -1}, ValueError, "`source_seed` must be at least 0"),
        ({"crossbar": wl.runs.Twin(CROSSBAR)}, TypeError, "`crossbar` must be"),
    ],
)
def test_refuses(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dataclasses.replace(CELL, **change)
    with pytest.raises(ValueError, match="`crafted_on` must be at least 0"):
        Grid((CROSSBAR,), (ATTACK,), crafted_on=(-1,))


def test_a_grid_refuses_a_seed_in_the_place_of_a_tuple() -> None:
    with pytest.raises(TypeError, match="`crafted_on` must be tuple, got 7"):
        Grid((CROSSBAR,), (ATTACK,), crafted_on=7)
