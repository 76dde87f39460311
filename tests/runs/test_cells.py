"""A cell is its configuration; its key is the content, whatever things were called."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import wordline as wl
from wordline.records import Failure
from wordline.runs import (
    EvaluationCell,
    Grid,
    Images,
    Journal,
    NamedNetwork,
    NoImages,
    PretrainedNetwork,
    Store,
    evaluation_cell,
    run_grid,
)
from wordline.runs.cell import AbstractCell, AbstractInput, CellResult
from wordline.runs.threads import fixed_threads

CROSSBAR = wl.Crossbar.preset("rethinking-16")
CELL = EvaluationCell(
    setting="HH",
    network=PretrainedNetwork("digits-cnn"),
    images=Images("digits", limit=4),
    attack=wl.FGSM(eps=0.1),
    crossbar=CROSSBAR,
)


@pytest.fixture(scope="module")
def pinned() -> EvaluationCell:
    return CELL.pinned(Store())


def test_json_round_trip(pinned: EvaluationCell) -> None:
    assert AbstractCell.from_json(pinned.to_json()) == pinned
    assert pinned.images.count == 4
    assert len(pinned.images.fingerprint) == len(pinned.network.content.weights) == 16


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 2},
        {"batch_size": 50},
        {"device": "cuda"},
        {"seed": 1},
        {"draws": 2},
        {"chip_seed": 1},
        {"setting": "SH"},
        {"attack": wl.FGSM(eps=0.2)},
        {"crossbar": wl.Crossbar.preset("rethinking-32")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_condition_is_in_the_key(pinned: EvaluationCell, change: dict[str, object]) -> None:
    assert dataclasses.replace(pinned, **change).key != pinned.key


def test_names_are_not_in_the_key_but_content_is(pinned: EvaluationCell) -> None:
    renamed = dataclasses.replace(
        pinned, network=dataclasses.replace(pinned.network, name="elsewhere.safetensors")
    )
    assert renamed.key == pinned.key
    for change in ({"weights": "f" * 16}, {"structure": "f" * 16}):
        other = dataclasses.replace(
            pinned.network, content=dataclasses.replace(pinned.network.content, **change)
        )
        assert dataclasses.replace(pinned, network=other).key != pinned.key
    images = dataclasses.replace(pinned.images, fingerprint="f" * 16)
    assert dataclasses.replace(pinned, images=images).key != pinned.key


def test_a_cell_without_content_has_no_key() -> None:
    with pytest.raises(
        ValueError, match=r"`cell` 'HH 16x16 FGSM 0.1 margin' has no content yet; use cell.pinned"
    ):
        _ = CELL.key


def test_a_study_and_evaluate_share_a_journal(tmp_path: Path) -> None:
    grid = Grid(
        crossbars=(CROSSBAR,), attacks=(wl.FGSM(eps=0.1), wl.PGD(eps=0.1, steps=2, step_size=0.05))
    )
    store, journal = Store(), Journal(tmp_path / "r.jsonl")
    cells = [
        cell.pinned(store)
        for cell in grid.cells(PretrainedNetwork("digits-cnn"), Images("digits", limit=6))
    ]
    with fixed_threads(1):
        run_grid(wl.load_model("digits-cnn"), wl.load_dataset("digits").test.take(6), grid, journal)
        assert [cell.key for cell in cells] == list(journal.results)
        assert [cell.run(store) for cell in cells] == list(journal.results.values())


def test_transfer_runs_to_the_end_and_needless_calibration_is_dropped() -> None:
    attack = wl.PGD(eps=0.1, steps=2, step_size=0.05, early_stop=True)
    cell = dataclasses.replace(
        CELL, setting="SH", attack=attack, calibration=Images("digits", "train", 5)
    )
    assert cell.attack == attack.for_transfer()
    assert cell.calibration == NoImages()
    calibrated = dataclasses.replace(
        CROSSBAR, adc=wl.UniformConverter(bits=6, range=wl.Calibrated())
    )
    images = Images("digits", "train", 5)
    assert dataclasses.replace(cell, crossbar=calibrated, calibration=images).calibration == images


def test_impossible_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="`setting` must be one of 'SW', 'SH', 'HH'"):
        dataclasses.replace(CELL, setting="XX")
    with pytest.raises(TypeError, match="`crossbar` must be Software"):
        dataclasses.replace(CELL, setting="SW")
    with pytest.raises(TypeError, match="`crossbar` must be Crossbar"):
        dataclasses.replace(CELL, crossbar=wl.records.Software())
    for name, least in (
        ("threads", 1),
        ("batch_size", 1),
        ("draws", 1),
        ("seed", 0),
        ("chip_seed", 0),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be at least {least}"):
            dataclasses.replace(CELL, **{name: least - 1})


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with fixed_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_failure_says_what_and_where() -> None:
    try:
        raise KeyError("tile")
    except KeyError as error:
        failure = Failure.of(error)
    assert failure.error == "KeyError"
    assert str(failure) == "KeyError: 'tile'"
    assert 'raise KeyError("tile")' in "".join(failure.traceback)
    assert Failure.from_json(failure.to_json()) == failure
    assert str(Failure("MemoryError", "")) == "MemoryError"


def test_a_victim_is_asked_once_about_clean_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells of one chip come together; what it says of clean images is as if each had asked."""
    asked = []
    found = evaluation_cell.correct
    monkeypatch.setattr(
        evaluation_cell, "correct", lambda *a, **k: asked.append(1) or found(*a, **k)
    )
    attacks = (wl.FGSM(eps=0.1), wl.FGSM(eps=0.2))
    grid = Grid((CROSSBAR, wl.Crossbar.preset("rethinking-32")), attacks)
    store = Store()
    cells = [
        cell.pinned(store)
        for cell in grid.cells(CELL.network, CELL.images, threads=torch.get_num_threads())
    ]
    together = [cell.run(store) for cell in cells]
    assert len(asked) == 3  # software, and a chip of each crossbar
    assert together == [cell.run(Store()) for cell in cells]


def test_a_noisy_victim_is_asked_every_time() -> None:
    noisy = dataclasses.replace(
        CROSSBAR, nonidealities=(wl.ReadNoise(sigma=1.0),), gain=wl.LeastSquaresGain()
    )
    cell = dataclasses.replace(CELL, crossbar=noisy, images=Images("digits", limit=40))
    store = Store()
    pinned = [dataclasses.replace(cell, seed=seed).pinned(store) for seed in (0, 1)]
    records = [one.run(store) for one in pinned]
    assert records[0].clean_answers != records[1].clean_answers
    assert records == [one.run(Store()) for one in pinned]


def test_a_result_with_its_cell_makes_the_round_trip(pinned: EvaluationCell) -> None:
    result = CellResult(pinned, wl.UnitGain())
    assert CellResult.from_json(result.to_json()) == result


def test_inputs_are_read_under_their_former_names() -> None:
    old = '{"type": "Called", "network": {"type": "Packaged", "name": "digits-cnn"}, "name": "a"}'
    assert AbstractInput.from_json(old) == NamedNetwork(PretrainedNetwork("digits-cnn"), "a")
