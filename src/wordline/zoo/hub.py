"""Public image data sets through Hugging Face `datasets`: from the hub, or from a local folder of the same schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .data import ImageData, ImageSplit
from .local import find
from .pictures import decode
from .rows import Columns, Rows
from .tables import table_rows


@dataclass(frozen=True)
class HubSet:
    """Where a data set lives on the hub, what its columns and test split are called, and the side of its images."""

    path: str
    test: str
    side: int
    columns: Columns


HUB = {
    "cifar10": HubSet("uoft-cs/cifar10", "test", 32, Columns(("img", "image"), ("label",), 10)),
    "cifar100": HubSet("uoft-cs/cifar100", "test", 32, Columns(("img", "image"), ("fine_label", "label"), 100)),
    "tiny-imagenet": HubSet("zh-plus/tiny-imagenet", "valid", 64, Columns(("image", "img"), ("label",), 200)),
}


def hub_data(name: str, root: str | Path = "") -> ImageData:
    """The data set `name` of `HUB`, RGB and of its own size; each split is read when first asked for.

    `root` is a local folder, of parquet files or of images (see `zoo.local`); without it the hub is asked. Raises
    ValueError if there is no such folder, if it does not hold what it should (data of as many classes), or if the hub
    cannot be reached.
    """
    spec = HUB[name]
    if str(root):
        found = {split: find(Path(root), split, _stems(spec, split)) for split in ("train", "test")}
        classes = found["test"].classes(spec.columns)
        _require_classes(name, root, classes, spec.columns.classes)
        return ImageData(name, classes, lambda split: _to_split(found[split].read(spec.columns), classes, spec.side))
    test = _from_hub(spec, "test")

    def read(split: str) -> ImageSplit:
        return _to_split(test if split == "test" else _from_hub(spec, split), test.classes, spec.side)

    return ImageData(name, test.classes, read)


def _require_classes(name: str, root: str | Path, classes: tuple[str, ...], expected: int) -> None:
    """Refuse another data set, or a part of the classes: labels would mean other things than to a trained network.

    What counts are classes that are named, by the metadata of a table or by folders, not labels that occur: a few
    pictures of the data set are fine. A table that names none is only held to the range of its labels.
    """
    if classes and len(classes) != expected:  # a folder without any picture is refused as empty
        raise ValueError(
            f"`root` {str(root)!r} holds data of {len(classes)} classes, but {name} has {expected}; "
            f"pass the folder of {name}"
        )


def _stems(spec: HubSet, split: str) -> tuple[str, ...]:
    """What files and folders of a split may be called; Tiny ImageNet's own `test` has no labels, so it comes last."""
    return ("train",) if split == "train" else tuple(dict.fromkeys((spec.test, "valid", "val", "validation", "test")))


def _from_hub(spec: HubSet, split: str) -> Rows:
    import datasets  # slow to import, and only needed here

    try:
        with _without_bars(datasets):
            table = datasets.load_dataset(spec.path, split=spec.test if split == "test" else "train")
    except Exception as error:  # no network, no such set, no room: the library raises a dozen kinds
        reason = " ".join(str(error).split())
        raise ValueError(
            f"`root` was not given, and {spec.path!r} could not be had from the Hugging Face hub ({reason}); "
            "pass a local folder of parquet files or images"
        ) from error
    return table_rows(table.data.table, spec.columns, f"{spec.path} ({split})")


@contextmanager
def _without_bars(datasets: Any) -> Iterator[None]:
    """No progress bars from `datasets` meanwhile; its setting is put back."""
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _to_split(rows: Rows, classes: tuple[str, ...], side: int) -> ImageSplit:
    if not rows.labels:
        raise ValueError(f"`root` holds an empty data set in {rows.where}; a split needs at least one image")
    if rows.classes != classes:
        raise ValueError(
            f"`root` names other classes in {rows.where} ({len(rows.classes)}) than in the test split "
            f"({len(classes)}); they must agree"
        )
    for label in (min(rows.labels), max(rows.labels)):
        if not 0 <= label < len(classes):
            raise ValueError(f"`root` has the label {label} in {rows.where}; labels must be 0 to {len(classes) - 1}")
    labels = torch.tensor(rows.labels, dtype=torch.int64)
    return ImageSplit(decode(rows.encoded(), len(rows.labels), side), labels)
