"""Public image data sets through Hugging Face `datasets`: from the hub, or from a local folder of the same schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .classes import CIFAR10, CIFAR100, TINY_IMAGENET, Classes
from .images import ImageData, ImageSplit
from .local import Local
from .rows import Columns, Rows, joined
from .tables import table_rows

VALID = ("valid", "val", "validation")


@dataclass(frozen=True)
class HubSet:
    """A data set on the hub: its path there, names of its columns, classes and test split, and the side of images."""

    path: str
    test: tuple[tuple[str, ...], ...]
    side: int
    columns: Columns
    classes: Classes


HUB = {
    "cifar10": HubSet(
        "uoft-cs/cifar10", (("test",), VALID), 32, Columns(("img", "image"), ("label",)), Classes("cifar10", CIFAR10)
    ),
    "cifar100": HubSet(
        "uoft-cs/cifar100", (("test",), VALID), 32, Columns(("img", "image"), ("fine_label", "label")),
        Classes("cifar100", CIFAR100),
    ),
    "tiny-imagenet": HubSet(  # its own `test` has no labels, so that comes last
        "zh-plus/tiny-imagenet", (VALID, ("test",)), 64, Columns(("image", "img"), ("label",)),
        Classes("tiny-imagenet", TINY_IMAGENET),
    ),
}  # fmt: skip


def hub_data(name: str, root: str | Path = "") -> ImageData:
    """The data set `name` of `HUB`, RGB and of its own size; each split is read when first asked for.

    `root` is a local folder (see `datasets.local`), of which one split is enough; without it the hub is asked. Labels are
    those of the data set's own names (see `datasets.classes`). Raises ValueError if there is no such folder, if it does not
    hold what it should, or if the hub cannot be reached; for a split that is missing, when it is asked for.
    """
    spec = HUB[name]
    if str(root):
        place = Local.below(Path(root), name, spec.test, spec.columns)
        classes = place.held_to(spec.classes)
        first = place.find("test" if place.sources("test") else "train")
        names = first.names()
        classes.labels(names, str(first))
        shown = classes.shown(names)
        return ImageData(name, shown, lambda split: _to_split(place.find(split).rows(), shown, spec.side, classes))
    test = _from_hub(spec, "test")

    def read(split: str) -> ImageSplit:
        rows = test if split == "test" else _from_hub(spec, split)
        return _to_split([rows], shown, spec.side, spec.classes)

    shown = spec.classes.shown(test.names)
    return ImageData(name, shown, read)


def _from_hub(spec: HubSet, split: str) -> Rows:
    import datasets  # slow to import, and only needed here

    try:
        with _without_bars(datasets):
            table = datasets.load_dataset(spec.path, split=spec.test[0][0] if split == "test" else "train")
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


def _to_split(parts: list[Rows], shown: tuple[str, ...], side: int, classes: Classes) -> ImageSplit:
    rows = joined([part.labelled_as(classes) for part in parts], ", ".join(part.where for part in parts[:3]))
    if not rows.labels:
        raise ValueError(f"`root` holds an empty data set in {rows.where}; a split needs at least one image")
    if rows.names != shown:
        raise ValueError(
            f"`root` names other classes in {rows.where} ({len(rows.names)}) than in the test split "
            f"({len(shown)}): one gives names, the other numbers; they must agree"
        )
    return ImageSplit(rows.pixels(side), torch.tensor(rows.labels, dtype=torch.int64))
