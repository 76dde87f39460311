"""Splits in a folder: exactly these files, of one place; anything that could be two is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datasets import ClassLabel, Dataset, Features, Image
from wordline.datasets import load_dataset
from wordline.datasets.classes import CIFAR10

from .conftest import flat, png


def table(
    path: Path, grey: int, label: int = 0, names: tuple[str, ...] = CIFAR10, column: str = "img"
) -> None:
    """A parquet file of one picture, whose first value is `grey`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    features = Features({column: Image(), "label": ClassLabel(names=list(names))})
    rows = {column: [{"bytes": png(flat(grey)), "path": None}], "label": [label]}
    Dataset.from_dict(rows, features=features).to_parquet(str(path))


def picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(flat(grey)))


def pictures(split: Path, grey: int) -> None:
    for name in CIFAR10:
        picture(split / name / "0.png", grey)


def greys(root: Path, split: str = "test", name: str = "cifar10") -> list[int]:
    return getattr(load_dataset(name, root), split).images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    "place",
    ["", "data/", "default/", "plain_text/", "snapshots/f00d/data/", "cifar10/", "CIFAR-10/"],
)
@pytest.mark.parametrize(
    "file",
    ["{}.parquet", "{}-00000-of-00001.parquet", "{}-00000-of-00001-1359597a978bc4fa.parquet",
     "{}/0000.parquet", "{}/{}-00000-of-00001.parquet", "{}/rows.parquet"],
)  # fmt: skip
def test_layouts_of_the_hub(tmp_path: Path, place: str, file: str) -> None:
    for grey, stem in enumerate(("train", "test"), 1):
        table(tmp_path / (place + file.format(stem, stem)), grey)
    assert greys(tmp_path) == [2] and greys(tmp_path, "train") == [1]


def test_shards_in_their_order(tmp_path: Path) -> None:
    for part in (10, 2, 0, 1, 3, 4, 5, 6, 7, 8, 9):
        table(tmp_path / f"test-{part:05}-of-00011.parquet", part)
        table(tmp_path / "train" / f"{part}.parquet", part)  # 10 comes after 9
    assert greys(tmp_path) == greys(tmp_path, "train") == list(range(11))


@pytest.mark.parametrize(
    "other",
    ["test-adv.parquet", "test (copy).parquet", "test_old.parquet", "testing.parquet",
     "old/test.parquet", "backup/test-00000-of-00001.parquet", "test.parquet.bak",
     "._test.parquet", ".cache/test.parquet", "test.csv", "__MACOSX/test.parquet",
     "latest.parquet", "test-00000-of-00002.parquet.part", "a/b.parquet", "valid.parquet",
     "test-adv/0000.parquet"],
)  # fmt: skip
def test_other_files_are_never_joined(tmp_path: Path, other: str) -> None:
    table(tmp_path / "train.parquet", 1)
    table(tmp_path / "test.parquet", 2)
    (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / other).write_bytes((tmp_path / "train.parquet").read_bytes())
    assert greys(tmp_path) == [2]


def test_all_splits_are_of_one_folder(tmp_path: Path) -> None:
    table(tmp_path / "train.parquet", 1)
    table(tmp_path / "old" / "test.parquet", 2)
    data = load_dataset("cifar10", tmp_path)
    assert len(data.train) == 1
    with pytest.raises(
        ValueError, match=r"holds no test split: .*there is old, train.parquet.; pass the folder"
    ):
        data.test  # noqa: B018


@pytest.mark.parametrize(
    ("files", "match"),
    [
        (
            ["test-00000-of-00002"],
            "`root` lacks part 1 of the split of '.*test-00000-of-00002.parquet'; fetch what",
        ),
        (["test-00001-of-00003", "test-00002-of-00003"], "`root` lacks part 0"),
        (["test/0001"], "`root` lacks part 0"),
        (["test/0000", "test/0002"], "`root` lacks part 1"),
        (
            ["test-00000-of-00001", "test-00001-of-00002"],
            "`root` has '.*-of-00001.*' and '.*-of-00002.* for one split",
        ),
        (
            ["test-00000-of-00001", "test-00002-of-00001"],
            "has '.*test-00002-of-00001.parquet', beyond the last of 1",
        ),
        (
            ["test", "test-00000-of-00001"],
            "`root` has '.*' and '.*' for one split; leave the one that is meant",
        ),
        (["test-00000-of-00001", "test-00000-of-00001-0123456789abcdef"], "for one split"),
        (["test/0000", "test/rows"], "for one split"),
        (
            ["test/a", "test/b"],
            "`root` has '.*test/a.parquet' and '.*test/b.parquet' for one split",
        ),
        (["test/a-00000-of-00002", "test/b-00001-of-00002"], "for one split"),
        (["test/1", "test/01", "test/0"], "for one split"),
        (
            ["test", "test/0000"],
            "`root` holds two test splits, '.*test.parquet' and '.*test/0000.parquet'; leave",
        ),
        (["TEST", "test"], "for one split"),
    ],
)
def test_parts_that_are_missing_or_too_many(tmp_path: Path, files: list[str], match: str) -> None:
    for file in files:
        table(tmp_path / f"{file}.parquet", 1)
    with pytest.raises(ValueError, match=match):
        load_dataset("cifar10", tmp_path)


def test_a_broken_training_split_does_not_keep_from_evaluating(tmp_path: Path) -> None:
    table(tmp_path / "test.parquet", 2)
    table(tmp_path / "train-00000-of-00002.parquet", 1)
    data = load_dataset("cifar10", tmp_path)
    assert len(data.test) == 1
    with pytest.raises(ValueError, match="lacks part 1"):
        data.train  # noqa: B018


def test_one_split_alone(tmp_path: Path) -> None:
    for split, other in (("test", "train"), ("train", "test")):
        pictures(tmp_path / split / split, 7)
        data = load_dataset("cifar10", tmp_path / split)
        assert data.classes == CIFAR10 and len(getattr(data, split)) == 10
        with pytest.raises(
            ValueError, match=f"`root` '.*{split}' holds no {other} split: no {other}.parquet"
        ):
            getattr(data, other)


def test_names_of_a_test_split_by_preference(tmp_path: Path) -> None:
    for stem in ("val", "Test", "train"):
        pictures(tmp_path / "a" / stem, len(stem))
    assert greys(tmp_path / "a")[0] == 4
    for stem in ("valid", "val", "validation"):
        pictures(tmp_path / stem / stem, 9)
        assert greys(tmp_path / stem)[0] == 9
    pictures(tmp_path / "val" / "valid", 9)
    with pytest.raises(
        ValueError,
        match="`root` holds two test splits, '.*val/valid' and '.*val/val'; leave the one",
    ):
        load_dataset("cifar10", tmp_path / "val")


def test_pictures_and_a_table_of_one_split(tmp_path: Path) -> None:
    pictures(tmp_path / "test", 1)
    table(tmp_path / "test.parquet", 1)
    with pytest.raises(
        ValueError, match="`root` holds two test splits, '.*test.parquet' and '.*test'; leave"
    ):
        load_dataset("cifar10", tmp_path)
    (tmp_path / "test.parquet").rename(tmp_path / "test" / "0000.parquet")
    with pytest.raises(ValueError, match="`root` holds two test splits"):
        load_dataset("cifar10", tmp_path)


def test_two_data_sets_below_one_folder(tmp_path: Path) -> None:
    table(tmp_path / "a" / "test.parquet", 1)
    table(tmp_path / "b" / "test.parquet", 2, names=tuple(map(str, range(10))), column="image")
    with pytest.raises(
        ValueError, match="`root` holds data in '.*/a' and in '.*/b'; pass the folder that is meant"
    ):
        load_dataset("cifar10", tmp_path)
    (tmp_path / "b").rename(tmp_path / "CIFAR_10")
    assert greys(tmp_path) == [2]
    os.symlink(
        tmp_path / "CIFAR_10", tmp_path / "cifar10"
    )  # the same folder twice is no second one
    assert greys(tmp_path) == [2]


def test_names_in_another_order_are_mapped_shard_by_shard(tmp_path: Path) -> None:
    turned = tuple(reversed(CIFAR10))
    table(tmp_path / "test-00000-of-00002.parquet", 1, label=3)
    table(tmp_path / "test-00001-of-00002.parquet", 2, label=3, names=turned)
    data = load_dataset("cifar10", tmp_path)
    assert data.classes == CIFAR10 and data.test.labels.tolist() == [3, 6]
    table(
        tmp_path / "test-00001-of-00002.parquet",
        2,
        label=3,
        names=("airplane", "bicycle", *CIFAR10[2:]),
    )
    with pytest.raises(
        ValueError, match="calls class 1 'bicycle' in test-00001-of-00002.parquet, .* 'automobile'"
    ):
        load_dataset("cifar10", tmp_path).test  # noqa: B018
    table(tmp_path / "test-00001-of-00002.parquet", 2, label=3, names=tuple(map(str, range(10))))
    with pytest.raises(
        ValueError, match="names classes in test-00000.* and numbers them in test-00001"
    ):
        load_dataset("cifar10", tmp_path).test  # noqa: B018


def test_a_picture_that_is_only_named(tmp_path: Path) -> None:
    features = Features({"img": Image(), "label": ClassLabel(names=list(CIFAR10))})
    rows = {"img": [{"bytes": None, "path": "cat/1.png"}], "label": [0]}
    import pyarrow.parquet as pq

    pq.write_table(Dataset.from_dict(rows, features=features).data.table, tmp_path / "test.parquet")
    with pytest.raises(ValueError, match="row 0 of test.parquet, which only names 'cat/1.png'"):
        load_dataset("cifar10", tmp_path).test  # noqa: B018


def test_metadata_that_cannot_be_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.table({"img": [png(flat(1))], "label": [0]}).replace_schema_metadata(
        {b"huggingface": b"{"}
    )
    pq.write_table(rows, tmp_path / "test.parquet")
    with pytest.raises(
        ValueError,
        match="`root` has metadata that cannot be read in test.parquet .*; write it again",
    ):
        load_dataset("cifar10", tmp_path)


def test_tiny_imagenets_own_lists(tmp_path: Path) -> None:
    from wordline.datasets.classes import TINY_IMAGENET

    (tmp_path / "wnids.txt").write_text(
        "\n".join(reversed(TINY_IMAGENET))
    )  # not in the order of the labels
    words = [f"{wnid}\tthing {place}, object" for place, wnid in enumerate(TINY_IMAGENET)]
    (tmp_path / "words.txt").write_text("\n".join([*words, "n99999999\tthing 3, object"]))
    names = tuple(f"thing {place}, object" for place in reversed(range(200)))
    table(tmp_path / "valid.parquet", 1, label=0, names=names, column="image")
    data = load_dataset("tiny-imagenet", tmp_path, side=32)
    assert data.classes == TINY_IMAGENET and data.test.labels.tolist() == [199]
    (tmp_path / "wnids.txt").write_text("\n".join(["n00000001", *TINY_IMAGENET[1:]]))
    with pytest.raises(
        ValueError, match="calls class 0 'n00000001' in '.*wnids.txt', where .* has 'n01443537'"
    ):
        load_dataset("tiny-imagenet", tmp_path, side=32)
