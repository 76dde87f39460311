"""A split of a public data set in a local folder, found by exact names.

The search begins in the folder itself and, if that holds no split, goes on in the folders below it,
three levels at most. A split is called `train` (`test`, `valid`, `val` or `validation`), in any
case of letters:

- `train.parquet`, all of `train-00000-of-00002.parquet` ..., or parquet files in a folder `train/`;
  columns `img` or `image`, and `label` or `fine_label`;
- `train/CLASS/picture` or `train/CLASS/images/picture`;
- `val/images/picture` with `val/val_annotations.txt`, as Tiny ImageNet was published;
- the CIFAR archives as torchvision unpacks them (`cifar-10-batches-py`, `cifar-10-batches-bin`,
  `cifar-100-python`, `cifar-100-binary`).

All splits are taken from one folder, the topmost that has any; a folder named as the data set comes
before others of the same level. Where two hold the same split they are named and refused. Labels
are those of the data set's own names (`datasets.classes`), in whatever order a file names them;
pictures are decoded by the rules of `datasets.pictures`.

The file finders of the Hugging Face library are not used. Its `imagefolder` takes the pictures of
Tiny ImageNet for a class `images`, does not follow links, and skips other files and empty classes
in silence; its `parquet` joins `test-adv.parquet` to `test.parquet` and does not miss a shard.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import final

from .cifar import archive_sources
from .classes import Classes
from .folders import PICTURES, read_folder
from .parquet import read_parquet
from .public import PublicDataset
from .rows import Rows, Source
from .shards import files_of_split, parquet_files
from .walk import entries

LEVELS = 4  # of folders, the given one included: the hub's cache is that deep


@final
@dataclass(frozen=True)
class LocalFolder:
    """Folder with files of a public data set."""

    folder: Path
    spec: PublicDataset

    @classmethod
    def search(cls, root: Path, spec: PublicDataset) -> LocalFolder:
        """Find the topmost folder with a split; ValueError for none, or several at one level."""
        if not root.is_dir():
            raise ValueError(f"`root` must be an existing folder, got {str(root)!r}")
        level = [root]
        for _ in range(LEVELS):
            found = [place for place in (cls(folder, spec) for folder in level) if place._has_data]
            found = [place for place in found if place._has_the_name] or found
            if len(found) > 1:
                one, other = str(found[0].folder), str(found[1].folder)
                raise ValueError(
                    f"`root` holds data in {one!r} and in {other!r}; pass the folder that is meant"
                )
            if found:
                return found[0]
            level = _subfolders(level)
        raise ValueError(cls(root, spec)._no_split("train"))

    def read(self, split: str) -> list[Rows]:
        """Read the files of a split; ValueError if there is none, or two of equal rank."""
        found = self.sources(split)
        if not found:
            raise ValueError(self._no_split(split))
        if len(found) > 1:
            raise ValueError(
                f"`root` holds two {split} splits, {found[0].where} and {found[1].where}; "
                "leave the one that is meant"
            )
        return found[0].read()

    def sources(self, split: str) -> list[Source]:
        """Return every candidate for the split, of the first rank of names that has one."""
        for names in self.spec.split_names(split):
            found = [source for name in names for source in self._sources_called(name)]
            if split in names:
                found += archive_sources(self.spec.name, self.folder, split)
            if found:
                return found
        return []

    def classes(self) -> Classes:
        """Return the classes with the words of Tiny ImageNet's lists; refuse a list of others."""
        words, ids = self.folder / "words.txt", self.folder / "wnids.txt"
        lines = words.read_text().splitlines() if words.is_file() else []
        pairs = tuple((text, wnid) for wnid, tab, text in (s.partition("\t") for s in lines) if tab)
        known = self.spec.classes
        classes = replace(known, root=str(self.folder), synonyms=(*known.synonyms, *pairs))
        if ids.is_file():  # its order is not that of the labels, which count the sorted ids
            classes.labels(tuple(ids.read_text().split()), repr(str(ids)))
        return classes

    @property
    def _has_data(self) -> bool:
        return any(self.sources(split) for split in ("train", "test"))

    @property
    def _has_the_name(self) -> bool:
        """True for folders called cifar10, CIFAR-10, tiny-imagenet-200 or alike."""
        folder, data = (re.sub(r"[-_ ]", "", s.lower()) for s in (self.folder.name, self.spec.name))
        return folder in (data, f"{data}200")

    @cached_property
    def _listing(self) -> list[Path]:
        return entries(self.folder)

    def _no_split(self, split: str) -> str:
        names = [name for group in self.spec.split_names(split) for name in group]
        there = ", ".join(entry.name for entry in self._listing[:5]) or "nothing"
        return (
            f"`root` {str(self.folder)!r} holds no {split} split: no {names[0]}.parquet, no shards "
            f"of it and no {names[0]}/CLASS/PICTURE (looked for {' or '.join(names)}; there is "
            f"{there}); pass the folder that does"
        )

    def _sources_called(self, name: str) -> list[Source]:
        tables = [files_of_split(name, self._listing)]
        folders = []
        for folder in self._listing:
            if folder.name.lower() == name and folder.is_dir():
                files = parquet_files(entries(folder))
                tables.append(files)
                if not files or _has_pictures(folder):
                    folders.append(folder)
        return [
            *(Source(repr(str(t[0])), partial(read_parquet, t, self.spec)) for t in tables if t),
            *(Source(repr(str(folder)), partial(read_folder, folder)) for folder in folders),
        ]


def _has_pictures(folder: Path) -> bool:
    inside = (path for child in entries(folder) if child.is_dir() for path in entries(child))
    return any(path.suffix.lower() in PICTURES for path in inside)


def _subfolders(level: list[Path]) -> list[Path]:
    """Folders of the next level that can be read, each once."""
    found = {p.resolve(): p for folder in level for p in entries(folder) if p.is_dir()}
    return [path for path in found.values() if os.access(path, os.R_OK | os.X_OK)]
