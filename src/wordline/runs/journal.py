"""A journal: one JSON line a finished cell, on the disk before the next cell counts as done."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..files import write_error
from ..records import Failure
from ..records.record import Record
from ..values import Value, decode, encode


class Journal:
    """A file of finished cells: key -> result.

    Opening it reads the file; a line torn by a crash is dropped. `kind`: the type of every result.
    A cell that failed has a line of its own in `failures`, until it succeeds.

    >>> import tempfile
    >>> journal = Journal(Path(tempfile.mkdtemp()) / "records.jsonl")
    >>> len(journal.results)
    0
    """

    def __init__(self, path: Path, kind: type[Value] = Record) -> None:
        self.path, self.kind = path, kind
        self.results: dict[str, Value] = {}
        self.failures: dict[str, Failure] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise ValueError(
                f"`out` {str(path)!r} is no file to go on with; name a file for the records"
            )
        if path.exists():
            self._read()

    @property
    def records(self) -> dict[str, Record]:
        """The evaluations among the results."""
        return {key: r for key, r in self.results.items() if isinstance(r, Record)}

    def _read(self) -> None:
        raw = self.path.read_bytes()
        whole, _, torn = raw.rpartition(b"\n")
        for number, line in enumerate(whole.splitlines(), start=1):
            where = f"`out` file {str(self.path)!r} line {number}"
            try:
                plain = json.loads(line)
                failed = "failure" in plain
                result = decode(plain["failure" if failed else "record"])
                key = str(plain["key"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{where} is no record ({error}); move it away") from error
            wanted = Failure if failed else self.kind
            if not isinstance(result, wanted):
                kind = type(result).__name__
                raise ValueError(f"{where} holds a {kind}, no {wanted.__name__}")
            self._keep(key, result)
        if torn:  # the process died while writing: the next line must start clean
            with self.path.open("r+b") as file:
                file.truncate(len(raw) - len(torn))

    def append(self, key: str, result: Value) -> None:
        """Write one result, or the Failure of a cell; when this returns, it is on the disk."""
        field = "failure" if isinstance(result, Failure) else "record"
        plain: dict[str, Any] = {"key": key, field: encode(result)}
        rest = memoryview((json.dumps(plain, allow_nan=False) + "\n").encode())
        with self.path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except BaseException as error:  # the next line must not continue a broken one
                with suppress(OSError):
                    file.truncate(size)
                if isinstance(error, OSError):
                    raise write_error(self.path, error) from None
                raise
        self._keep(key, result)

    def _keep(self, key: str, result: Value) -> None:
        if isinstance(result, Failure):
            self.failures[key] = result
            return
        self.results[key] = result
        self.failures.pop(key, None)


def read_records(path: Path) -> list[Record]:
    """Return all records of a journal, in the order in which they were written."""
    if not path.is_file():
        raise ValueError(
            f"`path` {str(path)!r} does not exist; pass the JSON lines file of a study"
        )
    return list(Journal(path).records.values())
