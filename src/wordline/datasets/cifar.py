"""The CIFAR archives as published and as torchvision unpacks them: pickled batches, or binary ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .pickles import read_plain_pickle
from .rows import Rows

SIDE = 32
PIXELS = 3 * SIDE * SIDE  # of an image: its red, green and blue plane, each row by row


@dataclass(frozen=True)
class Archive:
    """Names of the files of an archive; `labels` is a key of a pickled batch, or the bytes before a binary image."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    labels: str | int
    key: str = ""

    def found(self, folder: Path, split: str) -> tuple[Batches, ...]:
        """The batches of a split in a folder, if any of them is there."""
        wanted = self.train if split == "train" else self.test
        return (Batches(folder, wanted, self),) if any((folder / name).is_file() for name in wanted) else ()


FIVE = tuple(f"data_batch_{number}" for number in range(1, 6))
ARCHIVES = {
    "cifar10": (
        Archive(FIVE, ("test_batch",), "batches.meta", "labels", "label_names"),  # cifar-10-batches-py
        Archive(tuple(f"{name}.bin" for name in FIVE), ("test_batch.bin",), "batches.meta.txt", 1),
    ),
    "cifar100": (
        Archive(("train",), ("test",), "meta", "fine_labels", "fine_label_names"),  # cifar-100-python
        Archive(("train.bin",), ("test.bin",), "fine_label_names.txt", 2),  # the coarse label, then the fine one
    ),
}


@dataclass(frozen=True)
class Batches:
    """The batches of one split."""

    folder: Path
    files: tuple[str, ...]
    archive: Archive

    def __str__(self) -> str:
        return repr(str(self.folder / self.files[0]))

    def names(self) -> tuple[str, ...]:
        """The names of the classes by label, as the list beside the batches gives them; none without that list."""
        path, key = self.folder / self.archive.names, self.archive.key
        if not path.is_file():
            return ()
        if not key:
            return tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
        meta = read_plain_pickle(path)
        if not isinstance(meta, dict) or not isinstance(meta.get(key), list):
            raise ValueError(f"`root` holds {str(path)!r} without {key!r}; fetch it again")
        return tuple(name.decode("latin1") if isinstance(name, bytes) else str(name) for name in meta[key])

    def rows(self) -> list[Rows]:
        """The images and labels of each batch; ValueError if one is missing."""
        if missing := [name for name in self.files if not (self.folder / name).is_file()]:
            raise ValueError(f"`root` {str(self.folder)!r} lacks {missing[0]!r}; fetch the data set again")
        names = self.names()
        return [self._rows(self.folder / name, names) for name in self.files]

    def _rows(self, path: Path, names: tuple[str, ...]) -> Rows:
        kept = self.archive.labels
        pixels, labels = _pickled(path, kept) if isinstance(kept, str) else _binary(path, kept)
        images = torch.from_numpy(pixels.reshape(-1, 3, SIDE, SIDE).copy())
        return Rows(repr(str(path)), names, labels, lambda side: images)


def _pickled(path: Path, key: str) -> tuple[Any, list[int]]:
    batch = read_plain_pickle(path)
    if not isinstance(batch, dict) or key not in batch or not isinstance(batch.get("data"), np.ndarray):
        raise ValueError(f"`root` holds {str(path)!r} without 'data' and {key!r}; fetch it again")
    pixels, labels = batch["data"], np.asarray(batch[key])
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), PIXELS) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`root` holds {str(path)!r} with data {pixels.dtype} {pixels.shape} and {labels.shape} labels; it should "
            f"be uint8 (N, {PIXELS}) and N whole numbers"
        )
    return pixels, labels.tolist()


def _binary(path: Path, lead: int) -> tuple[Any, list[int]]:
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if len(content) % (lead + PIXELS):
        raise ValueError(f"`root` holds {str(path)!r}, whose {len(content)} bytes are no whole images; fetch it again")
    images = content.reshape(-1, lead + PIXELS)
    return images[:, lead:], images[:, lead - 1].tolist()
