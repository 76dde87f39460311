"""The CIFAR archives as published and as torchvision unpacks them: pickled or binary batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from .pickles import read_plain_pickle
from .rows import Rows, Source

SIDE = 32
PIXELS = 3 * SIDE * SIDE  # of an image: its red, green and blue plane, each row by row


@final
@dataclass(frozen=True)
class Archive:
    """Names of the files of an archive.

    `label`: key of the labels in a pickled batch, or number of label bytes before a binary image,
    the last of which counts. `class_list`: file with the names of the classes, under the key
    `class_key` where it is a pickle.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    label: str | int
    class_list: str
    class_key: str = ""


FIVE = tuple(f"data_batch_{number}" for number in range(1, 6))
FIVE_BINARY = tuple(f"{name}.bin" for name in FIVE)
ARCHIVES = {
    "cifar10": (
        Archive(FIVE, ("test_batch",), "labels", "batches.meta", "label_names"),
        Archive(FIVE_BINARY, ("test_batch.bin",), 1, "batches.meta.txt"),
    ),
    "cifar100": (
        Archive(("train",), ("test",), "fine_labels", "meta", "fine_label_names"),
        Archive(("train.bin",), ("test.bin",), 2, "fine_label_names.txt"),  # coarse label, fine one
    ),
}


def archive_sources(data: str, folder: Path, split: str) -> list[Source]:
    """Return the batches of a split in a folder, for each archive of which any batch is there."""
    found = []
    for archive in ARCHIVES.get(data, ()):
        files = archive.train if split == "train" else archive.test
        if any((folder / name).is_file() for name in files):
            found.append(
                Source(repr(str(folder / files[0])), partial(_read, folder, files, archive))
            )
    return found


def _read(folder: Path, files: tuple[str, ...], archive: Archive) -> list[Rows]:
    if missing := [name for name in files if not (folder / name).is_file()]:
        raise ValueError(f"`root` {str(folder)!r} lacks {missing[0]!r}; fetch the data set again")
    names = _class_names(folder, archive)
    return [_rows(folder / name, archive.label, names) for name in files]


def _class_names(folder: Path, archive: Archive) -> tuple[str, ...]:
    """Names of the classes by label, from the list beside the batches; none without that list."""
    path, key = folder / archive.class_list, archive.class_key
    if not path.is_file():
        return ()
    if not key:
        return tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
    content = read_plain_pickle(path)
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise ValueError(f"`root` holds {str(path)!r} without {key!r}; fetch it again")
    return tuple(
        name.decode("latin1") if isinstance(name, bytes) else str(name) for name in content[key]
    )


def _rows(path: Path, label: str | int, names: tuple[str, ...]) -> Rows:
    pixels, labels = _pickled(path, label) if isinstance(label, str) else _binary(path, label)
    images = torch.from_numpy(pixels.reshape(-1, 3, SIDE, SIDE).copy())
    return Rows(repr(str(path)), names, labels, lambda side: images)


def _pickled(path: Path, key: str) -> tuple[Any, list[int]]:
    batch = read_plain_pickle(path)
    whole = isinstance(batch, dict) and key in batch and isinstance(batch.get("data"), np.ndarray)
    if not whole:
        raise ValueError(f"`root` holds {str(path)!r} without 'data' and {key!r}; fetch it again")
    pixels, labels = batch["data"], np.asarray(batch[key])
    whole_numbers = labels.dtype.kind in "iu"
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), PIXELS) or not whole_numbers:
        raise ValueError(
            f"`root` holds {str(path)!r} with data {pixels.dtype} {pixels.shape} and "
            f"{labels.shape} labels; it should be uint8 (N, {PIXELS}) and N whole numbers"
        )
    return pixels, labels.tolist()


def _binary(path: Path, label_bytes: int) -> tuple[Any, list[int]]:
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if len(content) % (label_bytes + PIXELS):
        raise ValueError(
            f"`root` holds {str(path)!r}, whose {len(content)} bytes are no whole images; "
            "fetch it again"
        )
    images = content.reshape(-1, label_bytes + PIXELS)
    return images[:, label_bytes:], images[:, label_bytes - 1].tolist()
