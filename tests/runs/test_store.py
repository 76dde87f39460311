"""What is kept is kept by content, checked when it is read, and never decides a number."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest
import torch

import wordline as wl
from wordline.runs import EvaluationCell, Images, NoImages, PretrainedNetwork, Store, StoreConfig
from wordline.runs.cache import DiskCache, MemoryCache
from wordline.runs.chips import load_chip
from wordline.runs.network_inputs import InMemoryNetwork

NETWORK, IMAGES = PretrainedNetwork("digits-cnn"), Images("digits", limit=10)
CROSSBAR = wl.Crossbar.preset("rethinking-16")


def _made(calls: list[int]):
    def make() -> dict[str, torch.Tensor]:
        calls.append(1)
        return {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([True, False])}

    return make


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_cache_makes_once_and_gives_the_same_tensors(tmp_path: Path) -> None:
    calls: list[int] = []
    warnings: list[str] = []
    first, second = (
        DiskCache(tmp_path).get("chips", "k", _made(calls), warnings.append) for _ in range(2)
    )
    assert calls == [1]
    assert first.keys() == second.keys() == {"a", "b"}
    assert all(
        torch.equal(first[name], second[name]) and first[name].dtype == second[name].dtype
        for name in first
    )
    assert not warnings
    assert _files(tmp_path) == [tmp_path / "chips" / "k.safetensors"]  # no temporary file is left


@pytest.mark.parametrize("where", ["header", "numbers", "cut", "empty", "other key"])
def test_a_damaged_file_is_made_anew_with_a_warning(tmp_path: Path, where: str) -> None:
    calls: list[int] = []
    warnings: list[str] = []
    cache = DiskCache(tmp_path)
    good = cache.get("chips", "k", _made(calls), warnings.append)
    path = cache.path("chips", "k")
    raw = bytearray(path.read_bytes())
    if where == "other key":
        cache.get("chips", "z", _made([]), warnings.append)
        raw = bytearray(cache.path("chips", "z").read_bytes())
    elif where == "cut":
        raw = raw[:-3]
    elif where == "empty":
        raw = bytearray()
    else:
        raw[-9 if where == "numbers" else 10] ^= 1
    path.write_bytes(raw)
    again = cache.get("chips", "k", _made(calls), warnings.append)
    assert calls == [1, 1]
    assert torch.equal(again["a"], good["a"])
    assert len(warnings) == 1
    assert "cached chips k.safetensors was damaged" in warnings[0]
    cache.get("chips", "k", _made(calls), warnings.append)
    assert calls == [1, 1]
    assert len(warnings) == 1


def test_many_writers_of_one_key_leave_one_good_file(tmp_path: Path) -> None:
    barrier, found = threading.Barrier(8), []

    def make() -> dict[str, torch.Tensor]:
        barrier.wait()  # all of them write at once
        return {"a": torch.arange(200_000.0)}

    def one() -> None:
        found.append(DiskCache(tmp_path).get("images", "k", make, lambda words: pytest.fail(words)))

    writers = [threading.Thread(target=one) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(found) == 8
    assert len(_files(tmp_path)) == 1
    kept = DiskCache(tmp_path).get(
        "images", "k", lambda: pytest.fail("made again"), lambda words: pytest.fail(words)
    )
    assert torch.equal(kept["a"], torch.arange(200_000.0))


def test_memory_keeps_images_alone() -> None:
    cache, calls = MemoryCache(), []
    for kind in ("images", "images", "chips", "chips"):
        cache.get(kind, "k", _made(calls), lambda words: None)
    assert len(calls) == 3


def test_a_cached_chip_and_cached_images_give_the_same_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = wl.PGD(eps=0.1, steps=2, step_size=0.05)
    cells = [
        EvaluationCell(
            setting=setting,
            network=NETWORK,
            images=IMAGES,
            attack=attack,
            crossbar=CROSSBAR,
            batch_size=5,
        )
        for setting in ("SH", "HH")
    ]
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test
    chip = wl.map_model(software, CROSSBAR)
    expected = [
        wl.evaluate(victim=chip, source=source, attack=attack, data=data, limit=10, batch_size=5)
        for source in (software, chip)
    ]
    config = StoreConfig(str(tmp_path))
    fresh = [cell.pinned(store).run(store) for store in [config.open()] for cell in cells]
    assert [record.to_json() for record in fresh] == [record.to_json() for record in expected]
    assert {path.parent.name for path in _files(tmp_path)} == {"chips", "images"}
    monkeypatch.setattr(
        "wordline.runs.chips.program_states", lambda *a: pytest.fail("mapped again")
    )
    monkeypatch.setattr("wordline.runs.chips.craft", lambda *a, **k: pytest.fail("crafted again"))
    store = config.open()
    assert [cell.pinned(store).run(store) for cell in cells] == fresh
    assert not store.warnings


def test_every_condition_makes_other_images(tmp_path: Path) -> None:
    attack = wl.PGD(eps=0.1, steps=1, step_size=0.05)
    base = EvaluationCell(setting="SW", network=NETWORK, images=IMAGES, attack=attack, batch_size=5)
    changes = (
        {"batch_size": 10}, {"seed": 1}, {"images": Images("digits", limit=9)}, {"threads": 2},
        {"attack": wl.PGD(eps=0.1, steps=1, step_size=0.05, loss="dlr")},
    )  # fmt: skip
    store = StoreConfig(str(tmp_path)).open()
    for count, cell in enumerate(
        (base, *(dataclasses.replace(base, **change) for change in changes)), start=1
    ):
        cell.pinned(store).run(store)
        assert len(_files(tmp_path / "images")) == count


def test_calibrated_chips_are_those_of_calibrate() -> None:
    crossbar = dataclasses.replace(CROSSBAR, adc=wl.UniformConverter(bits=6, range=wl.Calibrated()))
    data, images = wl.load_dataset("digits"), Images("digits", "train", limit=30)
    store = Store()
    chip = load_chip(store, NETWORK, crossbar, 1, images)
    alone = wl.calibrate(
        wl.map_model(wl.load_model("digits-cnn"), crossbar, 1), data.train.take(30), limit=0
    )
    assert torch.equal(chip(data.test.images[:5]), alone(data.test.images[:5]))
    assert chip.calibration == alone.calibration
    assert load_chip(store, NETWORK, crossbar, 1, images) is chip
    assert load_chip(store, NETWORK, crossbar, 1, NoImages()) is not chip


def test_other_images_and_networks_than_pinned_are_refused() -> None:
    store = Store()
    with pytest.raises(
        ValueError, match="`root` holds other images of 'digits' than those this study was started"
    ):
        dataclasses.replace(IMAGES, fingerprint="0" * 16).load(store)
    pinned = NETWORK.pinned(store)
    assert pinned.load(store) is not None
    other = dataclasses.replace(
        pinned, content=dataclasses.replace(pinned.content, weights="0" * 16)
    )
    with pytest.raises(
        ValueError, match="`network` .* has other weights or another structure here"
    ):
        other.load(store)
    with pytest.raises(ValueError, match="`network` 'Net' is not held by this store"):
        InMemoryNetwork(content=wl.records.NetworkIdentity("Net", "0" * 16)).load(store)


def test_a_data_set_may_lie_in_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, int]] = []
    monkeypatch.setattr(
        "wordline.runs.store.load_dataset", lambda *given: asked.append(given)
    )
    (tmp_path / "cifar10").mkdir()
    store = Store(root=str(tmp_path))
    for name in ("cifar10", "cifar100", "digits"):
        store.data(name)
    Store().data("cifar10")
    own = ("cifar10", str(tmp_path / "cifar10"), 0)
    assert asked == [own, ("cifar100", str(tmp_path), 0), ("digits", "", 0), ("cifar10", "", 0)]


def test_a_reduced_copy_lies_in_a_folder_of_its_name_or_of_the_data_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, int]] = []
    monkeypatch.setattr("wordline.runs.store.load_dataset", lambda *given: asked.append(given))
    folder, copy = tmp_path / "tiny-imagenet", tmp_path / "tiny-imagenet-32"
    folder.mkdir()
    Store(root=str(tmp_path)).data("tiny-imagenet", 32)
    copy.mkdir()
    store = Store(root=str(tmp_path))
    for side in (32, 64, 0, 32):  # the last one is in memory
        store.data("tiny-imagenet", side)
    wanted = (folder, 32), (copy, 32), (folder, 64), (folder, 0)
    assert asked == [("tiny-imagenet", str(root), side) for root, side in wanted]


def test_what_cannot_be_kept_is_used_all_the_same(tmp_path, monkeypatch):
    def full(path, write):
        raise OSError("'x' cannot be written (No space left on device)")

    monkeypatch.setattr("wordline.runs.cache.write_atomically", full)
    said = []
    found = DiskCache(tmp_path).get("images", "k", lambda: {"x": torch.ones(2)}, said.append)
    assert torch.equal(found["x"], torch.ones(2))
    assert (
        len(said) == 1
        and "images k.safetensors could not be kept" in said[0]
        and "made anew" in said[0]
    )
