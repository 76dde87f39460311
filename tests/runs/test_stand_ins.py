"""Twins and scaled weights as victims of cells: those of the functions, beside every chip."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.nn.crossbars import CODES

import wordline as wl
from wordline.evaluation import identify, scaled
from wordline.records import AsTrained, Attenuated, Scaled
from wordline.runs import (
    EvaluationCell,
    Grid,
    Images,
    Journal,
    PretrainedNetwork,
    ScaledWeights,
    Store,
    StoreConfig,
    Twin,
    cost,
    run_cells,
    run_grid,
)
from wordline.runs.cell import AbstractCell
from wordline.runs.threads import fixed_threads

NETWORK, IMAGES = PretrainedNetwork("digits-cnn"), Images("digits", limit=12)
TRAINING = Images("digits", "train", 20)
CROSSBAR = wl.Crossbar.preset("rethinking-16", gain=wl.UnitGain())
READ = dataclasses.replace(CODES, tile=(64, 64), gain=wl.UnitGain())
ATTACK = wl.PGD(eps=0.1, steps=3, step_size=0.05, early_stop=True)
GRID = Grid(crossbars=(CROSSBAR,), attacks=(ATTACK,), seeds=(0, 1), twins=True)


def cell(setting: str, place: object, **changes: object) -> EvaluationCell:
    return EvaluationCell(
        setting=setting, network=NETWORK, images=IMAGES, attack=ATTACK, crossbar=place, **changes
    )


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@pytest.mark.parametrize("per", ["layer", "column", "network"])
def test_a_cell_of_a_twin_is_the_evaluation_of_it(per, store) -> None:
    software, data = wl.load_model("digits-cnn"), IMAGES.load(store)
    chip = wl.map_model(software, CROSSBAR, 3)
    twin = wl.attenuated(software=software, chip=chip, per=per)
    for setting, source, attack in (
        ("HH", twin, ATTACK), ("SH", software, ATTACK.for_transfer()),
    ):  # fmt: skip
        made = cell(setting, Twin(CROSSBAR, per), chip_seed=3).pinned(store)
        assert AbstractCell.from_json(made.to_json()) == made
        record = made.run(store)
        by_hand = wl.evaluate(victim=twin, source=source, attack=attack, data=data)
        assert record == dataclasses.replace(by_hand, flags=record.flags)
        assert record.victim.origin == Attenuated(identify(software), identify(chip), per)
    white = cell("HH", CROSSBAR, chip_seed=3).pinned(store).run(store)
    assert record.victim.chip == white.victim  # what joins a twin to its chip


def test_a_cell_of_scaled_weights(store) -> None:
    made = cell("HH", ScaledWeights(0.9), chip_seed=5).pinned(store)
    assert made.chip_seed == 0 and made.label == "HH weights x 0.9 PGD 0.1 3 steps margin"
    record = made.run(store)
    victim = scaled(software=wl.load_model("digits-cnn"), factor=0.9)
    assert record.victim == identify(victim)
    assert record.victim.origin == Scaled(NETWORK.pinned(store).content, 0.9)
    transferred = cell("SH", ScaledWeights(0.9)).pinned(store).run(store)
    assert (record.setting, transferred.setting) == ("SW", "transfer")
    assert transferred.clean == record.clean


def test_a_chip_without_matrices_is_measured_on_the_calibration_images(store) -> None:
    made = cell("HH", Twin(READ), calibration=TRAINING).pinned(store)
    record = made.run(store)
    software = wl.load_model("digits-cnn")
    chip = wl.map_model(software, READ)
    with fixed_threads(1):
        twin = wl.attenuated(software=software, chip=chip, data=TRAINING.load(store), limit=0)
    assert record.victim == identify(twin)
    others = cell("HH", Twin(READ), calibration=Images("digits", "train", 30)).pinned(store)
    assert made.key != others.key
    assert others.run(store).victim.weights != record.victim.weights
    assert cell("HH", Twin(CROSSBAR), calibration=TRAINING) == cell("HH", Twin(CROSSBAR))
    with pytest.raises(ValueError, match="`calibration` is missing: the layers of this twin's"):
        cell("HH", Twin(READ))


def test_factors_are_kept_in_the_cache(tmp_path: Path, monkeypatch) -> None:
    config = StoreConfig(str(tmp_path))
    store, again = config.open(), config.open()
    first = cell("HH", Twin(CROSSBAR)).pinned(store).run(store)
    monkeypatch.setattr(
        "wordline.runs.stand_ins.attenuation", lambda **_: pytest.fail("measured again")
    )
    assert cell("HH", Twin(CROSSBAR)).pinned(again).run(again) == first
    with pytest.raises(pytest.fail.Exception):
        cell("HH", Twin(CROSSBAR, "column")).pinned(again).run(again)


def test_a_grid_has_a_twin_behind_every_chip(tmp_path: Path) -> None:
    curve = dataclasses.replace(GRID, crossbars=(CROSSBAR, ScaledWeights(0.95)))
    cells = curve.cells(NETWORK, IMAGES)
    named = [(c.setting, type(c.crossbar).__name__, c.chip_seed) for c in cells]
    pairs = [(kind, seed) for seed in (0, 1) for kind in ("Crossbar", "Twin")]
    victims = [*pairs, ("ScaledWeights", 0)]
    assert named == [
        ("SW", "Software", 0), *((s, *victim) for victim in victims for s in ("SH", "HH"))
    ]  # fmt: skip
    journal = Journal(tmp_path / "r.jsonl")
    found = run_cells(cells, journal, store := Store())
    assert len(found.results) == len(cells) == len({c.pinned(store).key for c in cells})
    chips = cost(cells, store).chips
    assert chips == 2  # a twin's chip is programmed, and is the same
    records = run_grid(
        wl.load_model("digits-cnn"), IMAGES.load(store), curve, Journal(tmp_path / "again.jsonl")
    )
    assert [r.adversarial for r in records] == [r.adversarial for r in found.results]


def test_without_twins_a_grid_is_as_before() -> None:
    plain = dataclasses.replace(GRID, twins=False)
    kept = [c for c in GRID.cells(NETWORK, IMAGES) if not isinstance(c.crossbar, Twin)]
    assert tuple(kept) == plain.cells(NETWORK, IMAGES)
    record = kept[0].pinned(store := Store()).run(store)
    assert record.victim.origin == AsTrained()


def test_impossible_stand_ins_are_refused() -> None:
    with pytest.raises(TypeError, match="`crossbar` must be Crossbar"):
        Twin("rethinking-16")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`per` must be one of 'layer', 'column', 'network'"):
        Twin(CROSSBAR, "row")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`factor` must be at least 0"):
        ScaledWeights(-1.0)
    with pytest.raises(TypeError, match="`crossbar` must be Software"):
        cell("SW", Twin(CROSSBAR))
    with pytest.raises(TypeError, match="`twins` must be bool"):
        dataclasses.replace(GRID, twins=3)
