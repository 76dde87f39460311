"""The cell is `certify` of the chip that `map_model` gives; finished ones are not run again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.evaluation.certificate.chips import NOISY, QUIET

import wordline as wl
from wordline.evaluation import with_input_noise
from wordline.records import Certificate
from wordline.runs import (
    CertificateCell,
    CertificateSettings,
    Images,
    Journal,
    PretrainedNetwork,
    Store,
    cost,
    run_certificates,
)
from wordline.runs.cell import AbstractCell
from wordline.runs.threads import fixed_threads

NOISE = wl.OutputNoise(sigma=0.001)
CROSSBAR = dataclasses.replace(NOISY, output_noise=NOISE)
SETTINGS = CertificateSettings(radii=(0.05,), selection=2, estimation=10, attack_steps=1, eot=2)
CELL = CertificateCell(
    network=PretrainedNetwork("digits-cnn"), images=Images("digits", limit=4), crossbar=CROSSBAR,
    chip_seed=1, batch_size=4, settings=SETTINGS,
)  # fmt: skip
READS = {"limit": 4, "batch_size": 4, "radii": (0.05,), "selection": 2, "estimation": 10}
ATTACK = wl.PGD(eps=1.0, steps=1, norm="l2", eot=2)


def test_it_is_the_certificate_of_the_chip_and_of_software_beside_it() -> None:
    store, software = Store(), wl.load_model("digits-cnn")
    data = wl.load_dataset("digits").test
    with fixed_threads(1):
        found = CELL.pinned(store).run(store)
        chip = wl.map_model(software, CROSSBAR, 1)
        assert found == wl.certify(victim=chip, data=data, attacks=(ATTACK,), **READS)
        beside = dataclasses.replace(CELL, as_chip=True).pinned(store).run(store)
        noisy = with_input_noise(software, 1 / found.sensitivity)
        assert beside == wl.certify(victim=noisy, data=data, attacks=(ATTACK,), **READS)
    assert beside.sensitivity == pytest.approx(found.sensitivity, rel=1e-4)
    assert AbstractCell.from_json(CELL.to_json()) == CELL
    assert CELL.label == "certificate 64x64 #1"
    assert dataclasses.replace(CELL, as_chip=True).label.endswith(", as input noise")


def test_layers_that_are_not_named_stay_digital() -> None:
    store, software = Store(), wl.load_model("digits-cnn")
    settings = dataclasses.replace(SETTINGS, attack_steps=0)
    cell = dataclasses.replace(CELL, only=("conv1",), settings=settings)
    with fixed_threads(1):
        found = cell.pinned(store).run(store)
        chip = wl.map_model(software, CROSSBAR, 1, only=("conv1",))
        assert found == wl.certify(victim=chip, data=wl.load_dataset("digits").test, **READS)
    assert cell.label == "certificate 64x64 #1, conv1" and cell.key != CELL.key


@pytest.mark.parametrize(
    "change",
    [
        {"chip_seed": 2}, {"seed": 5}, {"threads": 2}, {"as_chip": True},
        {"settings": dataclasses.replace(SETTINGS, estimation=11)},
        {"settings": dataclasses.replace(SETTINGS, eot=3)},
    ],
)  # fmt: skip
def test_every_condition_is_in_the_key(change: dict[str, object]) -> None:
    assert dataclasses.replace(CELL, **change).key != CELL.key


def test_finished_certificates_are_not_run_again(tmp_path: Path) -> None:
    software, split = wl.load_model("digits-cnn"), wl.load_dataset("digits").test.take(3)
    plain = dataclasses.replace(SETTINGS, attack_steps=0)
    journal = Journal(tmp_path / "c.jsonl", Certificate)
    places = [(CROSSBAR, 0), 0.25]
    first = run_certificates(software, split, places, plain, journal, baseline=False)
    lines = (tmp_path / "c.jsonl").read_text()
    reopened = Journal(tmp_path / "c.jsonl", Certificate)
    again = run_certificates(software, split, places, plain, reopened, baseline=True)
    assert [first[0], first[1]] == [again[0], again[2]] and len(again) == 3
    assert (tmp_path / "c.jsonl").read_text().startswith(lines)
    assert first[1].layer == "input" and first[1].input_noise == pytest.approx(0.25, rel=1e-4)


def test_converters_are_calibrated(tmp_path: Path) -> None:
    adc = wl.UniformConverter(bits=8, range=wl.Calibrated())
    crossbar = dataclasses.replace(CROSSBAR, adc=adc)
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits")
    plain = dataclasses.replace(SETTINGS, attack_steps=0, estimation=1)
    (found,) = run_certificates(
        software, data.test.take(2), [(crossbar, 0)], plain,
        Journal(tmp_path / "c.jsonl", Certificate), baseline=False,
        calibration=data.train.take(5),
    )  # fmt: skip
    assert "5 images" in found.victim.calibration


def test_its_passes_are_counted() -> None:
    cell = dataclasses.replace(CELL, settings=dataclasses.replace(SETTINGS, attack_steps=2))
    counted = cost((cell,), Store())
    reads = 2 + 10 + (2 * 3 + 2)  # reads, the attack's forward passes, and its judgement
    assert (counted.forward, counted.backward, counted.chips) == (4 * reads, 4 * 4, 1)
    assert cell.pinned(store := Store()).run(store).passes == 4 * reads


def test_impossible_cells_are_refused() -> None:
    for name, least in (("chip_seed", 0), ("seed", 0)):
        with pytest.raises(ValueError, match=f"`{name}` must be at least {least}"):
            dataclasses.replace(CELL, **{name: least - 1})
    for name, least in (("selection", 1), ("estimation", 1), ("attack_steps", 0), ("eot", 1)):
        with pytest.raises(ValueError, match=f"`{name}` must be at least {least}"):
            dataclasses.replace(SETTINGS, **{name: least - 1})
    with pytest.raises(ValueError, match="`sigma` is 0.5 and `crossbar` Crossbar; give software"):
        dataclasses.replace(CELL, sigma=0.5)
    with pytest.raises(ValueError, match="`sigma` is 0 and `crossbar` Software; give software"):
        dataclasses.replace(CELL, crossbar=wl.records.Software())


def test_a_chip_without_noise_stops_the_run(tmp_path: Path) -> None:
    journal, split = Journal(tmp_path / "c.jsonl", Certificate), wl.load_dataset("digits").test
    with pytest.raises(ValueError, match="whose output noise is missing"):
        run_certificates(
            wl.load_model("digits-cnn"), split.take(2), [(QUIET, 0)], SETTINGS, journal
        )
