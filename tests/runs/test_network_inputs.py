"""A network that a study trains: once, resumed, and under one name in every process."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import wordline as wl
from wordline.progress import AbstractProgress, Advance
from wordline.runs import FineTunedNetwork, Images, PretrainedNetwork, StoreConfig, TrainedNetwork
from wordline.training import OneCycle, Recipe

RECIPE = dataclasses.replace(Recipe.preset("digits"), epochs=2, batch_size=400)
STEPS = len(wl.load_dataset("digits").train) // 400
NETWORK = TrainedNetwork("digits-cnn", "digits", RECIPE)
PROCESS = """
from pathlib import Path
import wordline as wl
from wordline.runs import EvaluationCell, Images, PretrainedNetwork, StoreConfig, TrainedNetwork
from wordline.training import Recipe
store = StoreConfig("unused").open()
crossbar = wl.Crossbar.preset("rethinking-16")
trained = TrainedNetwork("digits-cnn", "digits", Recipe.preset("digits"))
cell = EvaluationCell(
    setting="SH", network=PretrainedNetwork("digits-cnn"), images=Images("digits", limit=2),
    attack=wl.FGSM(eps=0.1), crossbar=crossbar,
).pinned(store)
print(cell.key)
data = store.data("digits").train.fingerprint()
for made_by in ((cell.identity(), crossbar.identity()), (trained.identity(), data)):
    print(store.folder("networks", made_by, Path()).name)
"""


class StopAfter(AbstractProgress):
    """Interrupts after so many units, and counts them."""

    def __init__(self, units: int) -> None:
        self.left, self.said = units, list[int]()

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        def advance(units: int, note: str) -> None:
            self.said.append(units)
            self.left -= units
            if self.left < 0:
                raise KeyboardInterrupt

        yield advance


def kept(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoreConfig, TrainedNetwork]:
    config = StoreConfig(str(tmp_path_factory.mktemp("whole")))
    return config, NETWORK.pinned(config.open())


def test_it_is_trained_once(
    whole: tuple[StoreConfig, TrainedNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, first = whole
    assert first.content.network == "DigitsCNN"
    monkeypatch.setattr("wordline.training.train", lambda *a, **k: pytest.fail("trained again"))
    again = NETWORK.pinned(config.open())
    assert again == first
    assert again.load(config.open()).training is False


def test_an_interrupted_training_goes_on_from_its_last_epoch(
    whole: tuple[StoreConfig, TrainedNetwork], tmp_path: Path
) -> None:
    config = StoreConfig(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        NETWORK.pinned(config.open(StopAfter(STEPS)))  # in the first step of the second epoch
    (checkpoint,) = kept(tmp_path)
    assert checkpoint.parts[0] == "networks" and checkpoint.name == "digits-cnn-digits.checkpoint"
    rest = StopAfter(2 * STEPS)
    found = NETWORK.pinned(config.open(rest))
    assert (
        rest.said[0] == STEPS and rest.said[1:] == [1] * STEPS
    )  # the first epoch at once, then the second
    assert found == whole[1] and len(found.content.weights) == 16  # bit for bit
    other = dataclasses.replace(NETWORK, seed=1)  # goes on from nobody's checkpoint but its own
    with pytest.raises(KeyboardInterrupt):
        other.pinned(config.open(started := StopAfter(0)))
    assert started.said == [0, 1]


def test_keys_are_the_same_in_two_processes() -> None:
    """Keys of cells and of the cache do not depend on the seed of a process's string hashes."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    one, two = (process.communicate(timeout=300)[0].split() for process in running)
    assert [process.returncode for process in running] == [0, 0]
    assert one == two and [len(key) for key in one] == [20, 32, 32] and len(set(one)) == 3


def test_bad_ingredients_are_refused() -> None:
    with pytest.raises(ValueError, match="`split` must be one of 'train', 'test', got 'dev'"):
        Images("digits", "dev")
    with pytest.raises(ValueError, match="`limit` must be at least 0"):
        Images("digits", limit=-1)
    with pytest.raises(ValueError, match="`side` must be at least 0"):
        Images("digits", side=-1)
    with pytest.raises(ValueError, match="`side` must be at least 0"):
        TrainedNetwork("digits-cnn", "digits", Recipe.preset("digits"), side=-1)
    with pytest.raises(ValueError, match="`architecture` must be one of"):
        TrainedNetwork("vgg9", "digits", Recipe.preset("digits"))
    recipe = Recipe.preset("digits")
    with pytest.raises(TypeError, match="`start` must be AbstractNetwork"):
        FineTunedNetwork("digits-cnn", "digits", recipe, start="digits-cnn")


def test_a_network_is_fine_tuned_from_the_weights_of_another(tmp_path: Path) -> None:
    start, store = PretrainedNetwork("digits-cnn"), StoreConfig(str(tmp_path)).open()

    def tuned(rate: float) -> FineTunedNetwork:
        recipe = dataclasses.replace(RECIPE, epochs=1, schedule=OneCycle(peak_lr=rate))
        return FineTunedNetwork("digits-cnn", "digits", recipe, start=start)

    same, moved = (tuned(rate).pinned(store).content for rate in (1e-12, 0.1))
    assert same == start.pinned(store).content != moved
