from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wordline.zoo import load_dataset

from .conftest import WithClasses, flat, pixels_of, png


def put(path: Path, value: int, mode: str = "RGB", side: int = 32) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(flat(value, side, mode)))


def test_a_folder_for_each_class(tmp_path: Path, with_classes: WithClasses) -> None:
    with_classes("cifar10", "bird", "cat", "dog")
    for split in ("train", "test"):
        for number, name in enumerate(["dog", "cat", "bird"]):
            put(tmp_path / split / name / "1.png", number)
            put(tmp_path / split / name / "2.PNG", number + 10, "L")
        (tmp_path / split / "notes.txt").write_text("no picture")
    data = load_dataset("cifar10", tmp_path)
    assert data.classes == ("bird", "cat", "dog")
    assert sorted(data.test.labels.tolist()) == [0, 0, 1, 1, 2, 2]
    for number, label in enumerate([2, 1, 0]):  # dog, cat, bird
        for picture in (flat(number), flat(number + 10, mode="L")):
            places = [k for k in range(6) if torch.equal(data.train.images[k], pixels_of(picture))]
            assert data.train.labels[places].tolist() == [label]


def test_numbered_classes_stand_in_the_order_of_their_values(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for number in range(100):
            put(tmp_path / split / str(number) / "x.png", number)
    data = load_dataset("cifar100", tmp_path)
    assert data.classes == tuple(map(str, range(100)))
    assert torch.equal(data.train.images[:, 0, 0, 0], data.train.labels.to(torch.uint8))


def tiny_imagenet(root: Path) -> None:
    """As published: val pictures in one folder with a list, test pictures without labels."""
    for number, name in enumerate(["n02", "n01"]):
        for index in range(2):
            put(root / "train" / name / "images" / f"{name}_{index}.png", number, side=64)
        (root / "train" / name / f"{name}_boxes.txt").write_text("")
    for index in range(3):
        put(root / "val" / "images" / f"val_{index}.png", index, side=64)
    put(root / "test" / "images" / "test_0.png", 0, side=64)
    lines = [f"val_{index}.png\t{name}\t0\t0\t62\t62" for index, name in enumerate(["n02", "n01", "n02"])]
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")


def test_tiny_imagenet_as_published(tmp_path: Path, with_classes: WithClasses) -> None:
    with_classes("tiny-imagenet", "n01", "n02")
    tiny_imagenet(tmp_path)
    data = load_dataset("tiny-imagenet", tmp_path)
    assert data.classes == ("n01", "n02")
    assert sorted(data.train.labels.tolist()) == [0, 0, 1, 1] and data.test.labels.tolist() == [1, 0, 1]
    assert data.test.images[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("line", ["val_9.png\tn01\t0", "val_1.png", ""])
def test_a_bad_list_of_annotations(tmp_path: Path, line: str) -> None:
    tiny_imagenet(tmp_path)
    path = tmp_path / "val" / "val_annotations.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match="`root` has a line without a picture or class, val_annotations.txt:4"):
        load_dataset("tiny-imagenet", tmp_path)


def test_pictures_without_a_class(tmp_path: Path) -> None:
    put(tmp_path / "train" / "dog" / "1.png", 1)
    put(tmp_path / "test" / "images" / "1.png", 1)
    with pytest.raises(ValueError, match="`root` has the picture '.*test/images/1.png' without a label; put it into"):
        load_dataset("cifar10", tmp_path)
    (tmp_path / "test" / "images" / "1.png").rename(tmp_path / "test" / "1.png")
    with pytest.raises(ValueError, match="without a label"):
        load_dataset("cifar10", tmp_path)


def test_a_corrupt_picture(tmp_path: Path, with_classes: WithClasses) -> None:
    with_classes("cifar10", "dog")
    for split in ("train", "test"):
        put(tmp_path / split / "dog" / "1.png", 1)
    (tmp_path / "test" / "dog" / "1.png").write_bytes(b"GIF89a")
    data = load_dataset("cifar10", tmp_path)
    with pytest.raises(ValueError, match="picture that cannot be decoded, '.*test/dog/1.png'"):
        data.test  # noqa: B018


def test_folders_without_pictures(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "dog").mkdir(parents=True)
    with pytest.raises(ValueError, match="`root` holds an empty data set in '.*test'"):
        load_dataset("cifar10", tmp_path).test  # noqa: B018


def test_the_first_pictures_of_a_folder_are_of_many_classes(tmp_path: Path, with_classes: WithClasses) -> None:
    """`limit` takes the first n: sorted by name they would all be of one class."""
    with_classes("cifar10", *"abcde")
    for split in ("train", "test"):
        for name in "abcde":
            for number in range(10):
                put(tmp_path / split / name / f"{number}.png", number)
    assert len(set(load_dataset("cifar10", tmp_path).test.take(15).labels.tolist())) == 5


def test_folders_of_another_number_of_classes(tmp_path: Path) -> None:
    tiny_imagenet(tmp_path)
    with pytest.raises(ValueError, match="`root` '.*' holds data of 2 classes, but tiny-imagenet has 200; pass"):
        load_dataset("tiny-imagenet", tmp_path)
