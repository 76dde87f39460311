"""Results that survive: one JSON line a cell, flushed and synced, and what is there is not computed again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..records import Record
from ..values import decode, encode


class Journal:
    """A file of finished cells: key -> record. Opening it reads what is there; a line torn by a crash is dropped.

    >>> import tempfile
    >>> journal = Journal(Path(tempfile.mkdtemp()) / "records.jsonl")
    >>> len(journal.records)
    0
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: dict[str, Record] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._read()

    def _read(self) -> None:
        raw = self.path.read_bytes()
        whole, _, torn = raw.rpartition(b"\n")
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                plain = json.loads(line)
                record = decode(plain["record"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"`out` file {str(self.path)!r} line {number} is no record ({error}); move it away"
                ) from error
            if not isinstance(record, Record):
                raise ValueError(
                    f"`out` file {str(self.path)!r} line {number} holds a {type(record).__name__}, no Record"
                )
            self.records[plain["key"]] = record
        if torn:  # the process died while writing: cut the line off, so that the next one starts clean
            with self.path.open("r+b") as file:
                file.truncate(len(raw) - len(torn))

    def append(self, key: str, record: Record) -> None:
        """Write one finished cell; when this returns, it is on the disk."""
        line = json.dumps({"key": key, "record": encode(record)}, allow_nan=False) + "\n"
        with self.path.open("a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.records[key] = record


def read_records(path: Path) -> list[Record]:
    """All records of a journal, in the order in which they were written."""
    if not path.is_file():
        raise ValueError(f"`path` {str(path)!r} does not exist; pass the JSON lines file of a study")
    return list(Journal(path).records.values())
