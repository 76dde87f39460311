"""Names of parquet files that make up one split: a single file, or every shard of it."""

from __future__ import annotations

import re
from pathlib import Path

# the hub once added a hash
SHARD = re.compile(r"(?P<head>.*?)-?(?P<index>\d+)-of-(?P<count>\d+)(-[0-9a-f]{6,})?")


def parquet_files(listing: list[Path]) -> tuple[Path, ...]:
    """Select the parquet files."""
    return tuple(p for p in listing if p.suffix.lower() == ".parquet" and not p.is_dir())


def files_of_split(split: str, listing: list[Path]) -> tuple[Path, ...]:
    """Select `SPLIT.parquet` and `SPLIT-00000-of-00002.parquet`, but not `SPLIT-old.parquet`."""

    def head(stem: str) -> str:
        shard = SHARD.fullmatch(stem)
        return shard["head"] if shard else stem

    return tuple(path for path in parquet_files(listing) if head(path.stem.lower()) == split)


def complete_split(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Sort the files of one split: a single one, all shards of one count, or `0000`, `0001`, ...

    Raises ValueError naming two files that do not belong together, or the first that is missing.
    """
    first, *others = files
    shards = [SHARD.fullmatch(path.stem.lower()) for path in files]
    numbers = [int(path.stem) if path.stem.isdecimal() else -1 for path in files]
    count = len(files)
    if shards[0]:
        count = int(shards[0]["count"])
        for path, shard in zip(files, shards, strict=True):
            if not shard or (shard["head"], int(shard["count"])) != (shards[0]["head"], count):
                raise ValueError(_ambiguous(first, path))
        numbers = [int(shard["index"]) for shard in shards if shard]
    elif not others and numbers[0] < 0:
        return (first,)
    elif numbers[0] < 0 or -1 in numbers:
        raise ValueError(
            _ambiguous(first, others[0] if numbers[0] < 0 else files[numbers.index(-1)])
        )
    by_number: dict[int, Path] = {}
    for number, path in zip(numbers, files, strict=True):
        if number in by_number:
            raise ValueError(_ambiguous(by_number[number], path))
        by_number[number] = path
    if missing := sorted(set(range(count)) - by_number.keys()):
        raise ValueError(
            f"`root` lacks part {missing[0]} of the split of {str(first)!r}; fetch what is missing"
        )
    if beyond := sorted(by_number.keys() - set(range(count))):
        raise ValueError(
            f"`root` has {str(by_number[beyond[0]])!r}, beyond the last of {count} parts; remove it"
        )
    return tuple(by_number[number] for number in range(count))


def _ambiguous(one: Path, other: Path) -> str:
    return f"`root` has {str(one)!r} and {str(other)!r} for one split; leave the one that is meant"
