"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from .classes import Classes
from .digits import SIDE, digits
from .hub import read_from_hub
from .images import ImageData, ImageSplit
from .local import LocalFolder
from .public import PUBLIC
from .rows import Rows, concatenate


def load_dataset(name: str, root: str | Path = "", side: int = 0) -> ImageData:
    """Load a data set by name: "digits" (embedded), "cifar10", "cifar100" or "tiny-imagenet".

    The last three come from the Hugging Face hub, or from `root`, a local folder of parquet files
    or of images (see `datasets.local`), of which one split is enough. Images are RGB and stored as
    uint8; labels are those of the data set's own class names (see `datasets.classes`). Each split
    is decoded when first asked for.

    `side`: height and width of the images in pixels, 0 the data set's own: 32, of tiny-imagenet 64.
    A reduced copy of tiny-imagenet is common, too: `side=32` reads it, and calls it
    "tiny-imagenet-32". Nothing is ever resampled: files of another side are refused.

    Raises ValueError for an unknown name, a side that the data set does not have, a folder that
    does not exist or holds no such data, and a hub that cannot be reached; for a missing split and
    for images of another side, when the split is asked for.

    >>> load_dataset("digits").classes[:3]
    ('0', '1', '2')
    """
    if name == "digits":
        if str(root):
            raise ValueError("`root` is not used by the embedded 'digits'; leave it out")
        if side not in (0, SIDE):
            raise ValueError(f"`side` of the embedded 'digits' must be {SIDE}, got {side!r}")
        return digits()
    if name not in PUBLIC:
        raise ValueError(f"`name` must be one of {', '.join(['digits', *PUBLIC])}, got {name!r}")
    spec = PUBLIC[name].at(side)
    if not str(root) and not spec.hub_path:
        raise ValueError(f"`root` was not given, and the hub has no {spec.name}; pass its folder")
    if not str(root):
        return _image_data(spec.classes, spec.side, partial(read_from_hub, spec), "test")
    folder = LocalFolder.search(Path(root), spec)
    first = "test" if folder.sources("test") else "train"
    return _image_data(folder.classes(), spec.side, folder.read, first)


def name_of(name: str, side: int = 0) -> str:
    """Return the name that the data set `name` of images of this side has in records.

    >>> name_of("tiny-imagenet", 32), name_of("tiny-imagenet", 64), name_of("my own")
    ('tiny-imagenet-32', 'tiny-imagenet', 'my own')
    """
    return PUBLIC[name].at(side).name if name in PUBLIC else name


def _image_data(
    classes: Classes, side: int, read: Callable[[str], list[Rows]], first: str
) -> ImageData:
    """Read the split `first` now, to refuse other classes at once; decode when asked for."""
    waiting = {first: read(first)}
    rows = waiting[first][0]
    classes.labels(rows.names, rows.where)
    names = classes.display_names(rows.names)

    def read_split(split: str) -> ImageSplit:
        parts = waiting.pop(split, None) or read(split)  # read again by whoever asks a second time
        return _decode([part.relabel(classes) for part in parts], names, side)

    return ImageData(classes.data, names, read_split)


def _decode(parts: list[Rows], names: tuple[str, ...], side: int) -> ImageSplit:
    rows = concatenate(parts)
    if not rows.labels:
        raise ValueError(
            f"`root` holds an empty data set in {rows.where}; a split needs at least one image"
        )
    if rows.names != names:
        raise ValueError(
            f"`root` names other classes in {rows.where} ({len(rows.names)}) than in the test "
            f"split ({len(names)}): one gives names, the other numbers; they must agree"
        )
    return ImageSplit(rows.pixels(side), torch.tensor(rows.labels, dtype=torch.int64))
