"""Folders of pictures as rows: a folder for each class, or Tiny ImageNet's list of annotations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .rows import Rows

PICTURES = {".jpeg", ".jpg", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".tif", ".tiff"}
ANNOTATIONS = "val_annotations.txt"  # lines of: picture, class, and a box, with tabs between


def folder_rows(folder: Path) -> Rows:
    """The labelled pictures below `folder`; classes in alphabetical order, or by value where all are numbers."""
    named = _annotated(folder) if (folder / ANNOTATIONS).is_file() else _by_class(folder)
    classes = _in_order({name for _, name in named})
    number = {name: index for index, name in enumerate(classes)}

    def encoded() -> Iterator[tuple[str, bytes]]:
        for path, _ in named:
            yield repr(str(path)), path.read_bytes()

    return Rows(repr(str(folder)), classes, [number[name] for _, name in named], encoded)


def _by_class(folder: Path) -> list[tuple[Path, str]]:
    """`CLASS/picture` and `CLASS/images/picture`, in the order of a hash of the names.

    Sorted by name, the first n images would be of one class, and `limit` is for everyone to measure on the same ones.
    """
    pictures = sorted((p for p in folder.rglob("*") if _is_picture(p)), key=lambda p: _shuffled(p.relative_to(folder)))
    found = [(path, path.relative_to(folder).parts[0]) for path in pictures]
    if loose := [path for path, name in found if path.name == name or name == "images"]:
        raise ValueError(f"`root` has the picture {str(loose[0])!r} without a label; put it into a folder of its class")
    return found


def _annotated(folder: Path) -> list[tuple[Path, str]]:
    found = []
    for number, line in enumerate((folder / ANNOTATIONS).read_text().splitlines(), 1):
        fields = line.split("\t")
        path = folder / "images" / fields[0]
        if len(fields) < 2 or not path.is_file():
            raise ValueError(f"`root` has a line without a picture or class, {ANNOTATIONS}:{number}: {line[:60]!r}")
        found.append((path, fields[1]))
    return found


def _shuffled(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and path.is_file()


def _in_order(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=int if all(name.isdecimal() for name in names) else None))
