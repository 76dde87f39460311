"""A split of a public data set in a local folder, found by exact names.

Looked for in the folder, and if it holds no split in the folders below it (three levels at most), for a split called
`train` (`test`, `valid`, `val` or `validation`), in any case of letters:

- `train.parquet`, all of `train-00000-of-00002.parquet` ..., or parquet files in a folder `train/`; columns `img` or
  `image`, and `label` or `fine_label`;
- `train/CLASS/picture` or `train/CLASS/images/picture`;
- `val/images/picture` with `val/val_annotations.txt`, as Tiny ImageNet was published;
- the CIFAR archives as torchvision unpacks them (`cifar-10-batches-py`, `cifar-10-batches-bin`, `cifar-100-python`,
  `cifar-100-binary`).

All splits are taken from one folder, the topmost that has any; a folder named as the data set comes before others of
the same level. Where two hold the same split they are named and refused. Labels are those of the data set's own names
(`datasets.classes`), in whatever order a file names them; pictures are decoded as `datasets.pictures` says.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from .cifar import ARCHIVES, Batches
from .classes import Classes
from .folders import PICTURES, Pictures
from .rows import Columns
from .shards import named_as, parquet_files
from .tables import Tables
from .walk import entries

Source = Tables | Pictures | Batches
DEEPEST = 4  # levels of folders, the given one included: the hub's cache is that deep


@dataclass(frozen=True)
class Local:
    """The folder where a data set called `data` stands; `stems` are the names of its test split, by preference."""

    folder: Path
    data: str
    stems: tuple[tuple[str, ...], ...]
    columns: Columns

    @classmethod
    def below(cls, root: Path, data: str, stems: tuple[tuple[str, ...], ...], columns: Columns) -> Local:
        """The topmost folder that holds a split; ValueError if there is none, or several at one level."""
        if not root.is_dir():
            raise ValueError(f"`root` must be an existing folder, got {str(root)!r}")
        level = [root]
        for _ in range(DEEPEST):
            holding = [place for place in (cls(folder, data, stems, columns) for folder in level) if place.holds_any]
            holding = [place for place in holding if place.named_as_the_data] or holding
            if len(holding) > 1:
                one, other = str(holding[0].folder), str(holding[1].folder)
                raise ValueError(f"`root` holds data in {one!r} and in {other!r}; pass the folder that is meant")
            if holding:
                return holding[0]
            level = _below(level)
        raise ValueError(cls(root, data, stems, columns).without("train"))

    @property
    def holds_any(self) -> bool:
        """True where there is anything that could be a split."""
        return any(self.sources(split) for split in ("train", "test"))

    @property
    def named_as_the_data(self) -> bool:
        """True where the folder is called cifar10, CIFAR-10, tiny-imagenet-200 or alike."""
        name, wanted = (re.sub(r"[-_ ]", "", text.lower()) for text in (self.folder.name, self.data))
        return name in (wanted, f"{wanted}200")

    def find(self, split: str) -> Source:
        """The files or the folder of a split; ValueError if there is none, or two of equal rank."""
        found = self.sources(split)
        if not found:
            raise ValueError(self.without(split))
        if len(found) > 1:
            raise ValueError(f"`root` holds two {split} splits, {found[0]} and {found[1]}; leave the one that is meant")
        return found[0]

    def sources(self, split: str) -> list[Source]:
        """Everything that could be the split, of the first rank that there is."""
        for stems in (("train",),) if split == "train" else self.stems:
            found = [source for stem in stems for source in self._called(stem)]
            if split in stems:
                archives = ARCHIVES.get(self.data, ())
                found += [batches for archive in archives for batches in archive.found(self.folder, split)]
            if found:
                return found
        return []

    def without(self, split: str) -> str:
        """The message for a split that is missing."""
        stems = ("train",) if split == "train" else tuple(stem for stems in self.stems for stem in stems)
        there = ", ".join(entry.name for entry in self._listing[:5]) or "nothing"
        return (
            f"`root` {str(self.folder)!r} holds no {split} split: no {stems[0]}.parquet, no shards of it and no "
            f"{stems[0]}/CLASS/PICTURE (looked for {' or '.join(stems)}; there is {there}); pass the folder that does"
        )

    def held_to(self, classes: Classes) -> Classes:
        """The classes with what Tiny ImageNet's own lists call them; refuses a list of other classes."""
        words, ids = self.folder / "words.txt", self.folder / "wnids.txt"
        lines = words.read_text().splitlines() if words.is_file() else []
        pairs = tuple((text, name) for name, tab, text in (line.partition("\t") for line in lines) if tab)
        classes = replace(classes, root=str(self.folder), words=(*classes.words, *pairs))
        if ids.is_file():  # its order is not that of the labels, which count the sorted ids
            classes.labels(tuple(ids.read_text().split()), repr(str(ids)))
        return classes

    @cached_property
    def _listing(self) -> list[Path]:
        return entries(self.folder)

    def _called(self, stem: str) -> list[Source]:
        found: list[Source] = []
        if files := named_as(stem, self._listing):
            found.append(Tables(files, self.columns))
        for folder in self._listing:
            if folder.name.lower() == stem and folder.is_dir():
                files = parquet_files(entries(folder))
                if files:
                    found.append(Tables(files, self.columns))
                if not files or _holds_pictures(folder):
                    found.append(Pictures(folder))
        return found


def _holds_pictures(folder: Path) -> bool:
    inside = (path for child in entries(folder) if child.is_dir() for path in entries(child))
    return any(path.suffix.lower() in PICTURES for path in inside)


def _below(level: list[Path]) -> list[Path]:
    """The folders of the next level that can be read, each once."""
    found = {path.resolve(): path for folder in level for path in entries(folder) if path.is_dir()}
    return [path for path in found.values() if os.access(path, os.R_OK | os.X_OK)]
