"""Folders of pictures as rows: a folder for each class, or Tiny ImageNet's list of annotations.

Links to folders and files are followed; hidden and system files are left out (`datasets.walk`), and so are notes such as
README.txt. Any other file that is no picture is refused, as is a class without a picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .rows import Rows
from .walk import entries, files_below

PICTURES = {
    ".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff",
}  # fmt: skip
NOTES = {".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".html", ".yaml", ".yml", ".log", ".pdf", ".md5"}
NOTED = {"readme", "license", "licence", "copying", "notice", "authors", "md5sums", "sha256sums"}
ANNOTATIONS = "val_annotations.txt"  # lines of: picture, class, and a box, with tabs between


@dataclass(frozen=True)
class Pictures:
    """A folder that holds one split as pictures."""

    folder: Path

    def __str__(self) -> str:
        return repr(str(self.folder))

    def names(self) -> tuple[str, ...]:
        """The names of the classes, in alphabetical order."""
        return self.rows()[0].names

    def rows(self) -> list[Rows]:
        """The labelled pictures."""
        listed = (self.folder / ANNOTATIONS).is_file() and (self.folder / "images").is_dir()
        named = _annotated(self.folder) if listed else _by_class(self.folder)
        names = tuple(sorted({name for _, name in named}))
        number = {name: index for index, name in enumerate(names)}

        def encoded() -> Iterator[tuple[str, bytes]]:
            for path, _ in named:
                try:
                    yield repr(str(path)), path.read_bytes()
                except OSError as error:
                    raise ValueError(
                        f"`root` has the picture {str(path)!r}, which cannot be read ({error.strerror})"
                    ) from error

        return [Rows.of(str(self), names, [number[name] for _, name in named], encoded)]


def _by_class(folder: Path) -> list[tuple[Path, str]]:
    """`CLASS/picture` and `CLASS/images/picture`, in the order of a hash of the names.

    Sorted by name, the first n images would be of one class, and `limit` is for everyone to measure on the same ones.
    """
    found: list[tuple[Path, str]] = []
    empty: list[Path] = []
    for entry in entries(folder):
        inside = [entry] if not entry.is_dir() else list(files_below(entry, (folder.resolve(),)))
        pictures = [path for path in inside if _is_picture(path)]
        if pictures and (entry == pictures[0] or entry.name == "images"):
            raise ValueError(
                f"`root` has the picture {str(pictures[0])!r} without a label; put it into a folder of its class"
            )
        found += [(path, entry.name) for path in pictures]
        if entry.is_dir() and not pictures:
            empty.append(entry)
    if found and empty:
        raise ValueError(f"`root` has the class folder {str(empty[0])!r} without a picture; fill or remove it")
    return sorted(found, key=lambda pair: _shuffled(pair[0].relative_to(folder)))


def _annotated(folder: Path) -> list[tuple[Path, str]]:
    found: dict[Path, str] = {}
    for number, line in enumerate((folder / ANNOTATIONS).read_text().splitlines(), 1):
        fields = line.split("\t")
        path = folder / "images" / fields[0]
        if len(fields) < 2 or not path.is_file():
            raise ValueError(f"`root` has a line without a picture or class, {ANNOTATIONS}:{number}: {line[:60]!r}")
        if path in found:
            raise ValueError(f"`root` lists a picture twice, {ANNOTATIONS}:{number}: {line[:60]!r}; leave one line")
        found[path] = fields[1].strip()
    for path in files_below(folder / "images"):
        if _is_picture(path) and path not in found:
            raise ValueError(f"`root` has the picture {str(path)!r}, which {ANNOTATIONS} does not list; add its class")
    return list(found.items())


def _shuffled(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()


def _is_picture(path: Path) -> bool:
    """Tell a picture (True) from a note, and refuse what is neither."""
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return True
    if suffix in NOTES or path.stem.lower() in NOTED:
        return False
    raise ValueError(
        f"`root` has {str(path)!r} among its pictures, which is none of {', '.join(sorted(PICTURES))}; "
        "convert it, or move it elsewhere"
    )
