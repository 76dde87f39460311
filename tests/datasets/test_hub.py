"""The data sets of the hub, from parquet files of their schema and from a stand-in for the hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import datasets
from wordline.datasets import load_dataset
from wordline.datasets.public import PUBLIC

from .conftest import COLUMNS, SIDES, WithClasses, WriteParquet, flat, pixels_of, png

CLASSES = {"cifar10": 10, "cifar100": 100, "tiny-imagenet": 200}


@pytest.mark.parametrize("name", COLUMNS)
def test_parquet_files_of_the_hubs_schema(write_parquet: WriteParquet, name: str) -> None:
    data = load_dataset(name, write_parquet(name))
    assert (
        data.name == name
        and data.classes == PUBLIC[name].classes.names
        and len(data.classes) == CLASSES[name]
    )
    for split in (data.train, data.test):
        assert (
            split.images.shape == (6, 3, SIDES[name], SIDES[name])
            and split.images.dtype == torch.uint8
        )
        assert split.labels.tolist() == [0, 1, 2, 0, 1, 2]
        assert torch.equal(split.images[2], pixels_of(flat(80, SIDES[name])))


def test_the_reduced_copy_of_tiny_imagenet_is_a_data_set_of_its_own(
    write_parquet: WriteParquet,
) -> None:
    root = write_parquet("tiny-imagenet", side=32)
    data = load_dataset("tiny-imagenet", root, side=32)
    assert data.name == data.test.name == "tiny-imagenet-32"
    assert data.classes == PUBLIC["tiny-imagenet"].classes.names
    assert data.train.images.shape == (6, 3, 32, 32)
    assert torch.equal(data.test.images[2], pixels_of(flat(80, 32)))
    assert data.test.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(("there", "asked"), [(32, 0), (32, 64), (64, 32), (48, 64)])
def test_images_of_another_side_are_refused_and_never_resized(
    write_parquet: WriteParquet, there: int, asked: int
) -> None:
    data = load_dataset("tiny-imagenet", write_parquet("tiny-imagenet", side=there), side=asked)
    with pytest.raises(
        ValueError,
        match=f"`root` holds a picture of {there} x {there} pixels, row 0 of valid.*, where "
        f"{asked or 64} x {asked or 64} are asked for; tiny-imagenet is read with side=64 or",
    ):
        _ = data.test


def test_sides_that_a_data_set_does_not_have(write_parquet: WriteParquet) -> None:
    root = write_parquet()
    assert load_dataset("cifar10", root, side=32).name == "cifar10"
    assert load_dataset("digits", side=8).name == "digits"
    with pytest.raises(ValueError, match="`side` of cifar10 must be 32, got 64"):
        load_dataset("cifar10", root, side=64)
    with pytest.raises(ValueError, match="`side` of tiny-imagenet must be 64 or 32, got 48"):
        load_dataset("tiny-imagenet", root, side=48)
    with pytest.raises(ValueError, match="`side` of the embedded 'digits' must be 8, got 32"):
        load_dataset("digits", side=32)
    with pytest.raises(ValueError, match="`root` was not given, and the hub has no tiny-imagenet-"):
        load_dataset("tiny-imagenet", side=32)


def test_folders_as_the_hub_lays_them_out(write_parquet: WriteParquet) -> None:
    root = write_parquet()
    for stem in ("train", "test"):
        (root / "plain_text" / stem).mkdir(parents=True)
        (root / f"{stem}-00000-of-00001.parquet").rename(
            root / "plain_text" / stem / "0000.parquet"
        )
    (root / ".cache").mkdir()
    (root / ".cache" / "train.parquet").write_bytes(b"none of ours")
    assert len(load_dataset("cifar10", str(root)).train) == 6


def test_several_files_make_one_split(write_parquet: WriteParquet) -> None:
    root = write_parquet()
    (root / "train-00000-of-00001.parquet").rename(root / "train-00000-of-00002.parquet")
    (root / "train-00001-of-00002.parquet").write_bytes(
        (root / "test-00000-of-00001.parquet").read_bytes()
    )
    assert len(load_dataset("cifar10", root).train) == 12


def test_data_of_another_number_of_classes(
    write_parquet: WriteParquet, with_classes: WithClasses
) -> None:
    def of_one_class(columns: dict[str, Any]) -> None:
        columns["fine_label"] = [10] * len(columns["fine_label"])

    root = write_parquet("cifar10")
    with pytest.raises(
        ValueError,
        match="`root` '.*' holds data of 10 classes, but cifar100 has 100; pass the folder",
    ):
        load_dataset("cifar100", root)
    with pytest.raises(ValueError, match="holds data of 10 classes, but tiny-imagenet has 200"):
        load_dataset("tiny-imagenet", root)
    root = write_parquet(
        "cifar100", change=of_one_class
    )  # six pictures of one class, and the names of all
    assert load_dataset("cifar100", root).test.labels.tolist() == [10] * 6
    with_classes("cifar100", *map(str, range(99)))
    with pytest.raises(ValueError, match="holds data of 100 classes, but cifar100 has 99"):
        load_dataset("cifar100", root)


def test_bare_bytes_and_labels_without_names(write_parquet: WriteParquet) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = write_parquet()
    for path in root.glob("*.parquet"):
        pq.write_table(pa.table({"image": [png(flat(9))], "label": [9]}), path)
    data = load_dataset("cifar10", root)
    assert data.classes == tuple(map(str, range(10))) and data.test.labels.tolist() == [9]
    pq.write_table(
        pa.table({"image": [png(flat(9))], "label": [10]}), root / "test-00000-of-00001.parquet"
    )
    with pytest.raises(
        ValueError, match="`root` has the label 10 in test-.*; labels must be 0 to 9"
    ):
        load_dataset("cifar10", root).test  # noqa: B018


def rename(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    return lambda columns: columns.update({new: columns.pop(old)})


def corrupt(columns: dict[str, Any]) -> None:
    columns["img"][4] = {"bytes": b"no picture", "path": None}


def absent(columns: dict[str, Any]) -> None:
    columns["img"][4] = None


def unlabelled(columns: dict[str, Any]) -> None:
    columns["label"][1] = None


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (rename("img", "pixels"), "`root` has the columns .* in test-.*none of them img or image"),
        (rename("label", "target"), "`root` has the columns .*, none of them label"),
        (corrupt, "picture that cannot be decoded, row 4 of test-00000-of-00001.parquet"),
        (absent, "picture that cannot be decoded, row 4"),
        (unlabelled, "`root` has rows without a whole-numbered label in test-"),
        (
            lambda columns: columns["label"].__setitem__(1, -1),
            "`root` has the label -1 in .*; labels must be 0 to 9",
        ),
        (
            lambda columns: [column.clear() for column in columns.values()],
            "`root` holds an empty data set in test-",
        ),
    ],
)
def test_bad_tables(
    write_parquet: WriteParquet, change: Callable[[dict[str, Any]], None], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        load_dataset("cifar10", write_parquet(change=change)).test  # noqa: B018


def test_pictures_that_are_no_pictures(write_parquet: WriteParquet) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = write_parquet()
    pq.write_table(pa.table({"img": [1], "label": [0]}), root / "test-00000-of-00001.parquet")
    with pytest.raises(
        ValueError, match="`root` holds int64 where test-.* should have encoded pictures"
    ):
        load_dataset("cifar10", root).test  # noqa: B018


def test_splits_with_other_classes(write_parquet: WriteParquet) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = write_parquet()
    pq.write_table(
        pa.table({"img": [png(flat(1))], "label": [0]}), root / "train-00000-of-00001.parquet"
    )
    with pytest.raises(
        ValueError, match=r"`root` names other classes in train-.* \(10\) than in the test split"
    ):
        load_dataset("cifar10", root).train  # noqa: B018


@pytest.mark.parametrize("damage", [b"", b"no parquet at all", None])
def test_damaged_parquet(write_parquet: WriteParquet, damage: bytes | None) -> None:
    root = write_parquet()
    path = root / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    with pytest.raises(
        ValueError, match="`root` holds a damaged parquet file, '.*test-00000.*fetch it again"
    ):
        load_dataset("cifar10", root)


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`root` must be an existing folder, got '.*nowhere'"):
        load_dataset("cifar10", tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match=r"`root` .* holds no train split: no train.parquet, .*train/CLASS"
    ):
        load_dataset("cifar10", tmp_path)


def fake_hub(**_: Any) -> datasets.Dataset:
    features = datasets.Features(
        {
            "img": datasets.Image(),
            "label": datasets.ClassLabel(names=list(PUBLIC["cifar10"].classes.names)),
        }
    )
    return datasets.Dataset.from_dict(
        {"img": [{"bytes": png(flat(1)), "path": None}], "label": [1]}, features=features
    )


@pytest.mark.parametrize("shown", [True, False])
def test_the_hub_is_asked_quietly(monkeypatch: pytest.MonkeyPatch, shown: bool) -> None:
    asked = []

    def load(path: str, split: str) -> datasets.Dataset:
        asked.append((path, split, datasets.are_progress_bars_disabled()))
        return fake_hub()

    monkeypatch.setattr(datasets, "load_dataset", load)
    (datasets.enable_progress_bars if shown else datasets.disable_progress_bars)()
    try:
        data = load_dataset("cifar10")
        assert (data.classes, len(data.train), data.test.labels.tolist()) == (
            PUBLIC["cifar10"].classes.names,
            1,
            [1],
        )
        assert asked == [("uoft-cs/cifar10", "test", True), ("uoft-cs/cifar10", "train", True)]
        assert datasets.are_progress_bars_disabled() is not shown  # its setting is as before
    finally:
        datasets.enable_progress_bars()


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: str, split: str) -> None:
        raise ConnectionError("no\n  route")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(
        ValueError,
        match=r"`root` was not given, and 'zh-plus/tiny-imagenet' could.*.no route.; pass",
    ):
        load_dataset("tiny-imagenet")
    assert not datasets.are_progress_bars_disabled()
