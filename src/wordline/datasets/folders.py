"""Folders of pictures: a folder for each class, or Tiny ImageNet's list of annotations.

Links to folders and files are followed; hidden and system files are left out (`datasets.walk`), and
so are notes such as README.txt. Any other file that is no picture is refused, as is a class without
a picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .rows import Rows
from .walk import entries, files_below

PICTURES = {
    ".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pbm",
    ".pnm", ".tif", ".tiff",
}  # fmt: skip
NOTES = {
    ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".html", ".yaml", ".yml", ".log",
    ".pdf", ".md5",
}  # fmt: skip
NOTE_NAMES = {
    "readme", "license", "licence", "copying", "notice", "authors", "md5sums", "sha256sums",
}  # fmt: skip
ANNOTATIONS = "val_annotations.txt"  # lines of: picture, class, and a box, with tabs between


def read_folder(folder: Path) -> list[Rows]:
    """Read a folder that holds one split as pictures; classes are numbered by alphabet."""
    annotated = (folder / ANNOTATIONS).is_file() and (folder / "images").is_dir()
    pictures = _annotated_pictures(folder) if annotated else _pictures_by_class(folder)
    names = tuple(sorted({name for _, name in pictures}))
    number = {name: index for index, name in enumerate(names)}

    def encoded() -> Iterator[tuple[str, bytes]]:
        for path, _ in pictures:
            try:
                yield repr(str(path)), path.read_bytes()
            except OSError as error:
                raise ValueError(
                    f"`root` has the picture {str(path)!r}, which cannot be read ({error.strerror})"
                ) from error

    return [Rows.of(repr(str(folder)), names, [number[name] for _, name in pictures], encoded)]


def _pictures_by_class(folder: Path) -> list[tuple[Path, str]]:
    """List `CLASS/picture` and `CLASS/images/picture`, in the order of a hash of the names.

    Sorted by name, the first n images would be of one class; the hash gives everyone the same
    order.
    """
    found: list[tuple[Path, str]] = []
    empty: list[Path] = []
    for entry in entries(folder):
        inside = list(files_below(entry, (folder.resolve(),))) if entry.is_dir() else [entry]
        pictures = [path for path in inside if _is_picture(path)]
        if pictures and (entry == pictures[0] or entry.name == "images"):
            raise ValueError(
                f"`root` has the picture {str(pictures[0])!r} without a label; put it into a "
                "folder of its class"
            )
        found += [(path, entry.name) for path in pictures]
        if entry.is_dir() and not pictures:
            empty.append(entry)
    if found and empty:
        raise ValueError(
            f"`root` has the class folder {str(empty[0])!r} without a picture; fill or remove it"
        )
    return sorted(found, key=lambda pair: _hash(pair[0].relative_to(folder)))


def _annotated_pictures(folder: Path) -> list[tuple[Path, str]]:
    found: dict[Path, str] = {}
    for number, line in enumerate((folder / ANNOTATIONS).read_text().splitlines(), 1):
        fields = line.split("\t")
        path, where = folder / "images" / fields[0], f"{ANNOTATIONS}:{number}: {line[:60]!r}"
        if len(fields) < 2 or not path.is_file():
            raise ValueError(f"`root` has a line without a picture or class, {where}")
        if path in found:
            raise ValueError(f"`root` lists a picture twice, {where}; leave one line")
        found[path] = fields[1].strip()
    for path in files_below(folder / "images"):
        if _is_picture(path) and path not in found:
            raise ValueError(
                f"`root` has the picture {str(path)!r}, which {ANNOTATIONS} does not list; "
                "add its class"
            )
    return list(found.items())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()


def _is_picture(path: Path) -> bool:
    """Tell a picture (True) from a note (False), and refuse other files."""
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return True
    if suffix in NOTES or path.stem.lower() in NOTE_NAMES:
        return False
    raise ValueError(
        f"`root` has {str(path)!r} among its pictures, which is none of "
        f"{', '.join(sorted(PICTURES))}; convert it, or move it elsewhere"
    )
