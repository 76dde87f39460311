"""Parquet files of one split: a whole file, or every shard of it."""

from __future__ import annotations

import re
from pathlib import Path

SHARD = re.compile(r"(?P<head>.*?)-?(?P<place>\d+)-of-(?P<count>\d+)(-[0-9a-f]{6,})?")  # the hub once added a hash


def named_as(stem: str, listing: list[Path]) -> tuple[Path, ...]:
    """The files `STEM.parquet` and `STEM-00000-of-00002.parquet`, and no others such as `STEM-old.parquet`."""
    return tuple(path for path in parquet_files(listing) if _head(path.stem.lower()) == stem)


def parquet_files(listing: list[Path]) -> tuple[Path, ...]:
    """The parquet files among these."""
    return tuple(path for path in listing if path.suffix.lower() == ".parquet" and not path.is_dir())


def whole(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """These files as one split, in order: a single one, all shards of one count, or `0000`, `0001` and so on.

    Raises ValueError naming two that do not belong together, or the first that is missing.
    """
    first, *others = files
    shards = [SHARD.fullmatch(path.stem.lower()) for path in files]
    numbers = [int(path.stem) if path.stem.isdecimal() else -1 for path in files]
    if shards[0]:
        count = int(shards[0]["count"])
        for path, shard in zip(files, shards, strict=True):
            if not shard or (shard["head"], int(shard["count"])) != (shards[0]["head"], count):
                raise ValueError(_two(first, path))
        numbers = [int(shard["place"]) for shard in shards if shard]
    elif numbers[0] >= 0:
        count = len(files)
        if -1 in numbers:
            raise ValueError(_two(first, files[numbers.index(-1)]))
    elif others:
        raise ValueError(_two(first, others[0]))
    else:
        return (first,)
    by_number: dict[int, Path] = {}
    for number, path in zip(numbers, files, strict=True):
        if number in by_number:
            raise ValueError(_two(by_number[number], path))
        by_number[number] = path
    if missing := sorted(set(range(count)) - by_number.keys()):
        raise ValueError(f"`root` lacks part {missing[0]} of the split of {str(first)!r}; fetch what is missing")
    if beyond := sorted(by_number.keys() - set(range(count))):
        raise ValueError(f"`root` has {str(by_number[beyond[0]])!r}, beyond the last of {count} parts; remove it")
    return tuple(by_number[number] for number in range(count))


def _head(stem: str) -> str:
    shard = SHARD.fullmatch(stem)
    return shard["head"] if shard else stem


def _two(one: Path, other: Path) -> str:
    return f"`root` has {str(one)!r} and {str(other)!r} for one split; leave the one that is meant"
