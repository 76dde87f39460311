"""Names of parquet files that make up one split: a single file, or every shard of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

# the hub once added a hash
SHARD = re.compile(r"(?P<head>.*?)-?(?P<number>\d+)-of-(?P<count>\d+)(-[0-9a-f]{6,})?")


class _Part(NamedTuple):
    """Place of a file among the parts of a split; `number` is -1 for a whole split."""

    head: str
    number: int
    total: int  # -1 where the name does not say it

    @classmethod
    def of(cls, path: Path) -> _Part:
        stem = path.stem.lower()
        if shard := SHARD.fullmatch(stem):
            return cls(shard["head"], int(shard["number"]), int(shard["count"]))
        return cls("", int(stem), -1) if stem.isdecimal() else cls(stem, -1, -1)


def parquet_files(listing: list[Path]) -> tuple[Path, ...]:
    """Select the parquet files."""
    return tuple(p for p in listing if p.suffix.lower() == ".parquet" and not p.is_dir())


def files_of_split(split: str, listing: list[Path]) -> tuple[Path, ...]:
    """Select `SPLIT.parquet` and `SPLIT-00000-of-00002.parquet`, but not `SPLIT-old.parquet`."""
    return tuple(path for path in parquet_files(listing) if _Part.of(path).head == split)


def complete_split(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Sort the files of one split: a single one, all shards of one count, or `0000`, `0001`, ...

    Raises ValueError naming two files that do not belong together, or the first that is missing.
    """
    first, found = files[0], dict[int, Path]()
    head, _, total = _Part.of(first)
    for path in files:
        part = _Part.of(path)
        if (part.head, part.total) != (head, total) or part.number in found:
            other = found.get(part.number, first)
            raise ValueError(
                f"`root` has {str(other)!r} and {str(path)!r} for one split; "
                "leave the one that is meant"
            )
        found[part.number] = path
    if -1 in found:
        return files
    wanted = set(range(len(files) if total < 0 else total))
    if missing := sorted(wanted - found.keys()):
        raise ValueError(
            f"`root` lacks part {missing[0]} of the split of {str(first)!r}; fetch what is missing"
        )
    if beyond := sorted(found.keys() - wanted):
        raise ValueError(
            f"`root` has {str(found[beyond[0]])!r}, beyond the last of {total} parts; remove it"
        )
    return tuple(found[number] for number in sorted(wanted))
