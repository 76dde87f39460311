from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wordline.datasets import load_dataset

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
    lines = [
        f"val_{index}.png\t{name}\t0\t0\t62\t62" for index, name in enumerate(["n02", "n01", "n02"])
    ]
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")


def test_tiny_imagenet_as_published(tmp_path: Path, with_classes: WithClasses) -> None:
    with_classes("tiny-imagenet", "n01", "n02")
    tiny_imagenet(tmp_path)
    data = load_dataset("tiny-imagenet", tmp_path)
    assert data.classes == ("n01", "n02")
    assert sorted(data.train.labels.tolist()) == [0, 0, 1, 1] and data.test.labels.tolist() == [
        1,
        0,
        1,
    ]
    assert data.test.images[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("line", ["val_9.png\tn01\t0", "val_1.png", ""])
def test_a_bad_list_of_annotations(tmp_path: Path, line: str) -> None:
    tiny_imagenet(tmp_path)
    path = tmp_path / "val" / "val_annotations.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(
        ValueError, match="`root` has a line without a picture or class, val_annotations.txt:4"
    ):
        load_dataset("tiny-imagenet", tmp_path)


def test_pictures_without_a_class(tmp_path: Path) -> None:
    put(tmp_path / "train" / "dog" / "1.png", 1)
    put(tmp_path / "test" / "images" / "1.png", 1)
    with pytest.raises(
        ValueError,
        match="`root` has the picture '.*test/images/1.png' without a label; put it into",
    ):
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


def test_the_first_pictures_of_a_folder_are_of_many_classes(
    tmp_path: Path, with_classes: WithClasses
) -> None:
    """`limit` takes the first n: sorted by name they would all be of one class."""
    with_classes("cifar10", *"abcde")
    for split in ("train", "test"):
        for name in "abcde":
            for number in range(10):
                put(tmp_path / split / name / f"{number}.png", number)
    assert len(set(load_dataset("cifar10", tmp_path).test.take(15).labels.tolist())) == 5


def test_folders_of_another_number_of_classes(tmp_path: Path) -> None:
    tiny_imagenet(tmp_path)
    with pytest.raises(
        ValueError, match="`root` '.*' holds data of 2 classes, but tiny-imagenet has 200; pass"
    ):
        load_dataset("tiny-imagenet", tmp_path)


@pytest.fixture
def two(tmp_path: Path, with_classes: WithClasses) -> Path:
    """A test split of two classes with one picture each."""
    with_classes("cifar10", "cat", "dog")
    for number, name in enumerate(("cat", "dog")):
        put(tmp_path / "data" / "test" / name / "0.png", number)
    return tmp_path / "data"


def test_links_are_followed(tmp_path: Path, two: Path) -> None:
    linked = tmp_path / "linked" / "test"
    (linked / "dog").mkdir(parents=True)
    (linked / "cat").symlink_to(two / "test" / "cat")
    (linked / "dog" / "1.png").symlink_to(two / "test" / "dog" / "0.png")
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "test").symlink_to(two / "test")
    for root in (tmp_path / "linked", tmp_path / "whole"):
        test = load_dataset("cifar10", root).test
        assert sorted(zip(test.labels.tolist(), test.images[:, 0, 0, 0].tolist(), strict=True)) == [
            (0, 0),
            (1, 1),
        ]


@pytest.mark.parametrize("target", [".", "..", "../..", "../../dog/loop"])
def test_a_loop_of_links(two: Path, target: str) -> None:
    (two / "test" / "dog" / "loop").symlink_to(target)
    match = (
        "leads to nothing; remove or mend it"
        if "loop" in target
        else "leads back to a folder above it; remove it"
    )
    with pytest.raises(ValueError, match=f"`root` has the link '.*dog/loop', which {match}"):
        load_dataset("cifar10", two)


def test_a_link_to_nothing(two: Path) -> None:
    (two / "test" / "dog" / "2.png").symlink_to("nowhere.png")
    with pytest.raises(
        ValueError, match="`root` has the link '.*2.png', which leads to nothing; remove or mend it"
    ):
        load_dataset("cifar10", two)


@pytest.mark.parametrize(
    "name",
    [".ipynb_checkpoints/0-checkpoint.png", "._0.png", ".DS_Store", "Thumbs.db", "desktop.ini",
     "__MACOSX/0.png", "@eaDir/0.png/S.png", "#recycle/0.png", ".hidden.png", "README.txt",
     "LICENSE", "labels.csv", ".cache/a.bin"],
)  # fmt: skip
def test_hidden_and_system_files_and_notes_are_ignored(two: Path, name: str) -> None:
    for folder in (two, two / "test", two / "test" / "cat"):
        put(folder / name, 99)
    test = load_dataset("cifar10", two).test
    assert sorted(test.images[:, 0, 0, 0].tolist()) == [0, 1]


@pytest.mark.parametrize("name", ["0.npy", "0.heic", "photo", "0.png.part"])
def test_files_that_are_neither_pictures_nor_notes(two: Path, name: str) -> None:
    (two / "test" / "cat" / name).write_bytes(b"x")
    with pytest.raises(
        ValueError,
        match=f"`root` has '.*{name}' among its pictures, which is none of .bmp, .*convert",
    ):
        load_dataset("cifar10", two)


def test_suffixes_in_any_case(two: Path) -> None:
    for number, suffix in enumerate((".PNG", ".Jpg", ".JPEG", ".jfif", ".TIF")):
        put(two / "test" / "dog" / f"a{number}{suffix}", 1)
    assert len(load_dataset("cifar10", two).test) == 7


def test_an_empty_class_folder(two: Path) -> None:
    (two / "test" / "bird").mkdir()
    with pytest.raises(
        ValueError,
        match="`root` has the class folder '.*test/bird' without a picture; fill or remove",
    ):
        load_dataset("cifar10", two)
    (two / "test" / "bird" / "README.md").write_text("soon")
    with pytest.raises(ValueError, match="without a picture"):
        load_dataset("cifar10", two)


def test_folders_named_as_people_write_them(tmp_path: Path, with_classes: WithClasses) -> None:
    with_classes("cifar10", "airplane", "automobile", "sea_lion")
    for number, name in enumerate(("Sea Lion", "car", "AIRPLANE")):
        put(tmp_path / "test" / name / "0.png", number)
    test = load_dataset("cifar10", tmp_path).test
    greys = test.images[:, 0, 0, 0].tolist()
    assert dict(zip(test.labels.tolist(), greys, strict=True)) == {2: 0, 1: 1, 0: 2}


def test_a_folder_of_another_class(two: Path) -> None:
    (two / "test" / "dog").rename(two / "test" / "wolf")
    with pytest.raises(
        ValueError, match="`root` calls class 1 'wolf' in '.*test', where cifar10 has 'dog'"
    ):
        load_dataset("cifar10", two)


def test_folders_and_pictures_that_cannot_be_read(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_dataset("cifar10", two)

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(
        ValueError,
        match=r"`root` has the picture '.*0.png', which cannot be read .Permission denied",
    ):
        data.test  # noqa: B018
    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(
        ValueError, match=r"`root` has the folder '.*data', which cannot be read .Permission denied"
    ):
        load_dataset("cifar10", two)


def test_tiny_imagenet_below_its_parent_and_sorted_into_classes(
    tmp_path: Path, with_classes: WithClasses
) -> None:
    with_classes("tiny-imagenet", "n01", "n02")
    root = tmp_path / "tiny-imagenet-200"
    tiny_imagenet(root)
    (root / "wnids.txt").write_text("n02\nn01\n")
    (root / "words.txt").write_text("n01\tgoldfish, Carassius auratus\nn02\tfire salamander\n")
    assert load_dataset("tiny-imagenet", tmp_path).test.labels.tolist() == [1, 0, 1]
    for index, name in enumerate(
        ["n02", "n01", "n02"]
    ):  # a widespread script moves the pictures and leaves the list
        (root / "val" / name).mkdir(exist_ok=True)
        (root / "val" / "images" / f"val_{index}.png").rename(
            root / "val" / name / f"val_{index}.png"
        )
    (root / "val" / "images").rmdir()
    test = load_dataset("tiny-imagenet", tmp_path).test
    assert dict(zip(test.images[:, 0, 0, 0].tolist(), test.labels.tolist(), strict=True)) == {
        0: 1,
        1: 0,
        2: 1,
    }
    (root / "wnids.txt").write_text("n02\nn03\n")
    with pytest.raises(
        ValueError, match="calls class 1 'n03' in '.*wnids.txt', where tiny-imagenet has 'n02'"
    ):
        load_dataset("tiny-imagenet", tmp_path)


def test_lists_of_annotations_that_leave_out_or_repeat(tmp_path: Path) -> None:
    tiny_imagenet(tmp_path)
    path = tmp_path / "val" / "val_annotations.txt"
    lines = path.read_text()
    path.write_text(lines + "val_0.png\tn01\t0\t0\t62\t62\n")
    with pytest.raises(
        ValueError, match="`root` lists a picture twice, val_annotations.txt:4: 'val_0.png"
    ):
        load_dataset("tiny-imagenet", tmp_path)
    path.write_text("".join(lines.splitlines(keepends=True)[:2]))
    with pytest.raises(
        ValueError, match="the picture '.*val_2.png', which val_annotations.txt does not list"
    ):
        load_dataset("tiny-imagenet", tmp_path)
