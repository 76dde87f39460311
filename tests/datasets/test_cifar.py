"""The CIFAR archives in small, written as the published files are; and pickles of other things."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wordline.datasets import load_dataset
from wordline.datasets.classes import CIFAR10, CIFAR100
from wordline.datasets.pickles import read_plain_pickle

PYTHON = "cifar-10-batches-py"


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3072)).astype(np.uint8)


def python2(value: Any) -> bytes:
    """As Python 2 wrote it: text and bytes are one, and numpy's names are the old ones."""
    return pickle.dumps(value, protocol=2).replace(b"numpy._core", b"numpy.core")


def write_cifar10(
    folder: Path, names: tuple[str, ...] = CIFAR10, protocol: int = 2
) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True)
    written = {}
    for place, name in enumerate((*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")):
        written[name] = images(3, place)
        batch = {
            b"batch_label": b"x",
            b"labels": [place, 9, 0],
            b"data": written[name],
            b"filenames": [b"a"] * 3,
        }
        (folder / name).write_bytes(
            python2(batch) if protocol == 2 else pickle.dumps(batch, protocol=protocol)
        )
    (folder / "batches.meta").write_bytes(
        pickle.dumps({"num_vis": 3072, "label_names": list(names)}, protocol=0)
    )
    return written


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("place", ["", PYTHON])
def test_torchvisions_folder(tmp_path: Path, place: str, protocol: int) -> None:
    written = write_cifar10(tmp_path / "x" / place, protocol=protocol)
    data = load_dataset("cifar10", tmp_path / "x")
    assert data.classes == CIFAR10 and data.name == "cifar10"
    assert torch.equal(
        data.test.images, torch.from_numpy(written["test_batch"].reshape(3, 3, 32, 32))
    )
    assert data.test.labels.tolist() == [5, 9, 0]
    assert data.train.labels.tolist() == [0, 9, 0, 1, 9, 0, 2, 9, 0, 3, 9, 0, 4, 9, 0]
    assert torch.equal(
        data.train.images[12:], torch.from_numpy(written["data_batch_5"].reshape(3, 3, 32, 32))
    )


def test_the_folder_that_torchvision_itself_reads(tmp_path: Path) -> None:
    """torchvision does `np.vstack(data).reshape(-1, 3, 32, 32)`, and takes `labels` in order."""
    written = write_cifar10(tmp_path / PYTHON)
    files = [tmp_path / PYTHON / f"data_batch_{k}" for k in range(1, 6)]
    batches = [pickle.loads(file.read_bytes(), encoding="latin1") for file in files]
    want = np.vstack([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    assert np.array_equal(want[:3].reshape(3, -1), written["data_batch_1"])
    assert np.array_equal(load_dataset("cifar10", tmp_path).train.images.numpy(), want)


def test_names_decide_labels(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "a", tuple(reversed(CIFAR10)))
    assert load_dataset("cifar10", tmp_path / "a").test.labels.tolist() == [4, 0, 9]
    write_cifar10(tmp_path / "b", ("airplane", "cat", *CIFAR10[2:]))
    with pytest.raises(
        ValueError, match="`root` names the class 'cat' twice in '.*test_batch', as 'cat' and 'cat'"
    ):
        load_dataset("cifar10", tmp_path / "b")
    (tmp_path / "b" / "batches.meta").unlink()
    assert load_dataset("cifar10", tmp_path / "b").classes == tuple(map(str, range(10)))


def test_cifar_100(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for split, fine in (("train", [99, 0]), ("test", [52, 1])):
        batch = {b"data": images(2, 7), b"fine_labels": fine, b"coarse_labels": [1, 1]}
        (folder / split).write_bytes(python2(batch))
    (folder / "meta").write_bytes(
        python2({b"fine_label_names": [name.encode() for name in CIFAR100]})
    )
    write_cifar10(tmp_path / PYTHON)  # torchvision keeps both in one folder
    data = load_dataset("cifar100", tmp_path)
    assert (
        data.classes == CIFAR100
        and data.test.labels.tolist() == [52, 1]
        and data.train.labels.tolist() == [99, 0]
    )
    assert load_dataset("cifar10", tmp_path).test.labels.tolist() == [5, 9, 0]


@pytest.mark.parametrize(("name", "lead"), [("cifar10", 1), ("cifar100", 2)])
def test_binary_batches(tmp_path: Path, name: str, lead: int) -> None:
    files = [f"data_batch_{k}.bin" for k in range(1, 6)] if lead == 1 else ["train.bin"]
    test = "test_batch.bin" if lead == 1 else "test.bin"
    pixels = images(2, 0)
    for file in (*files, test):
        rows = np.concatenate(
            [np.full((2, lead - 1), 7, np.uint8), np.array([[3], [8]], np.uint8), pixels], 1
        )
        (tmp_path / file).write_bytes(rows.tobytes())
    listed = "batches.meta.txt" if lead == 1 else "fine_label_names.txt"
    (tmp_path / listed).write_text("\n".join(CIFAR10 if lead == 1 else CIFAR100) + "\n\n")
    data = load_dataset(name, tmp_path)
    assert data.test.labels.tolist() == [3, 8] and len(data.train) == 2 * len(files)
    assert torch.equal(data.test.images, torch.from_numpy(pixels.reshape(2, 3, 32, 32)))
    (tmp_path / test).write_bytes(b"\0" * 3000)
    with pytest.raises(
        ValueError,
        match="`root` holds '.*bin', whose 3000 bytes are no whole images; fetch it again",
    ):
        data.__class__(name, data.classes, data.read).test  # noqa: B018


def test_archives_of_two_kinds_and_parts_of_one(tmp_path: Path) -> None:
    write_cifar10(tmp_path / PYTHON)
    (tmp_path / PYTHON / "data_batch_3").unlink()
    data = load_dataset("cifar10", tmp_path)
    assert len(data.test) == 3
    with pytest.raises(
        ValueError, match="`root` '.*batches-py' lacks 'data_batch_3'; fetch the data set again"
    ):
        data.train  # noqa: B018
    (tmp_path / PYTHON / "test_batch.bin").write_bytes(b"\0" * 3073)
    with pytest.raises(
        ValueError,
        match="`root` holds two test splits, '.*test_batch' and '.*test_batch.bin'; leave",
    ):
        load_dataset("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("batch", "match"),
    [
        ([1, 2], "without 'data' and 'labels'; fetch it again"),
        ({"data": np.zeros((1, 3072), np.uint8)}, "without 'data' and 'labels'"),
        ({"data": [1], "labels": [1]}, "without 'data' and 'labels'"),
        (
            {"data": np.zeros((2, 3072), np.uint8), "labels": [1]},
            r"with data uint8 \(2, 3072\) and \(1,\) labels; it",
        ),
        (
            {"data": np.zeros((1, 3073), np.uint8), "labels": [1]},
            r"it should be uint8 \(N, 3072\) and N whole numbers",
        ),
        ({"data": np.zeros((1, 3072), np.int64), "labels": [1]}, "with data int64"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [0.5]}, "and N whole numbers"),
        (
            {"data": np.zeros((1, 3072), np.uint8), "labels": [10]},
            "has the label 10 in '.*test_batch'; labels must",
        ),
    ],
)
def test_batches_of_another_kind(tmp_path: Path, batch: object, match: str) -> None:
    (tmp_path / "test_batch").write_bytes(pickle.dumps(batch))
    with pytest.raises(ValueError, match=match):
        load_dataset("cifar10", tmp_path).test  # noqa: B018
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"names": []}))
    with pytest.raises(
        ValueError, match="`root` holds '.*batches.meta' without 'label_names'; fetch it again"
    ):
        load_dataset("cifar10", tmp_path)


class Payload:
    """A pickle of this would create a file when loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


class Reference(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        return "elsewhere" if value == "x" else None


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_code(tmp_path: Path, protocol: int) -> None:
    witness, path = tmp_path / "was-run", tmp_path / "batch"
    path.write_bytes(
        pickle.dumps({"data": np.zeros(3, np.uint8), "x": Payload(witness)}, protocol=protocol)
    )
    with pytest.raises(
        ValueError,
        match=r"`root` holds the pickle '.*batch', which would run 'posix.system'; nothing",
    ):
        read_plain_pickle(path)
    assert not witness.exists()
    pickle.loads(path.read_bytes())
    assert witness.exists()  # so the payload was a live one


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (print, "would run '(builtins|__builtin__).print'"),
        (Path("x"), "would run 'pathlib"),
        (np.zeros(2), "holds an array of 'f8', where only whole numbers belong"),
        (np.array([{}, {}]), "holds an array of 'O8'"),
        (np.random.default_rng, "would run 'numpy.random"),
        (np.fromfile, "would run 'numpy"),
    ],
)  # fmt: skip
def test_pickles_of_more_than_plain_data(tmp_path: Path, value: object, match: str) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(ValueError, match=match):
        read_plain_pickle(tmp_path / "p")


def test_a_pickle_that_refers_to_elsewhere(tmp_path: Path) -> None:
    with (tmp_path / "p").open("wb") as file:
        Reference(file).dump("x")
    with pytest.raises(
        ValueError, match="which refers to objects outside of it; nothing of it was run"
    ):
        read_plain_pickle(tmp_path / "p")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(np.zeros(99, np.uint8))[:-40]])
def test_damaged_pickles(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError, match="`root` holds a damaged pickle, '.*p' .*; fetch it again"):
        read_plain_pickle(tmp_path / "p")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["u1", "i8", ">i4", "<u2"])
def test_arrays_come_back(tmp_path: Path, protocol: int, kind: str) -> None:
    numbers = np.arange(6).reshape(2, 3).astype(kind)
    held = {"a": [numbers, numbers.T], "n": np.int64(3), "t": "text", "f": 0.5}
    (tmp_path / "p").write_bytes(pickle.dumps(held, protocol=protocol))
    found = read_plain_pickle(tmp_path / "p")
    assert np.array_equal(found["a"][0], numbers) and np.array_equal(found["a"][1], numbers.T)
    assert (found["n"], found["f"]) == (3, 0.5) and found["t"] == "text"
