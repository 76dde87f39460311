"""Arrow tables of the hub's schema, from parquet files or from the hub itself, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .rows import Columns, Rows
from .shards import whole


@dataclass(frozen=True)
class Tables:
    """The parquet files of one split. Each names its classes for itself, and so is read for itself."""

    files: tuple[Path, ...]
    columns: Columns

    def __str__(self) -> str:
        return repr(str(self.files[0]))

    def names(self) -> tuple[str, ...]:
        """The class names in the metadata of the first file, without reading its pictures."""
        first = whole(self.files)[0]
        with _readable(first):
            return _names(pq.read_schema(first), self.columns, first.name)

    def rows(self) -> list[Rows]:
        """The rows of each file; ValueError naming one that is damaged or has other columns."""
        return [self._read(path) for path in whole(self.files)]

    def _read(self, path: Path) -> Rows:
        with _readable(path):
            schema = pq.read_schema(path)
            wanted = [_column(schema, names, path.name) for names in (self.columns.image, self.columns.label)]
            table = pq.ParquetFile(path).read(columns=wanted)  # pq.read_table would take classes from a path's label=3
        return table_rows(table, self.columns, path.name)


def table_rows(table: Any, columns: Columns, where: str) -> Rows:
    """The rows of an Arrow table with the columns `(image, label)`; an image is bytes, or a struct with bytes."""
    label = table[_column(table.schema, columns.label, where)]
    image = table[_column(table.schema, columns.image, where)]
    if label.null_count or not pa.types.is_integer(label.type):
        raise ValueError(f"`root` has rows without a whole-numbered label in {where}; pass a labelled split")
    if not (pa.types.is_struct(image.type) or pa.types.is_binary(image.type) or pa.types.is_large_binary(image.type)):
        raise ValueError(f"`root` holds {image.type} where {where} should have encoded pictures; see `datasets.local`")

    def encoded() -> Iterator[tuple[str, bytes]]:
        for index, cell in enumerate(image):
            value = cell.as_py()
            content = value.get("bytes") if isinstance(value, dict) else value
            elsewhere = value.get("path") if isinstance(value, dict) and not content else None
            yield f"row {index} of {where}" + (f", which only names {elsewhere!r}" if elsewhere else ""), content or b""

    return Rows.of(where, _names(table.schema, columns, where), label.to_pylist(), encoded)


def _names(schema: Any, columns: Columns, where: str) -> tuple[str, ...]:
    """The names that Hugging Face's metadata give the labels; none where there are none."""
    from datasets import Features  # slow to import, and only needed here

    column = _column(schema, columns.label, where)
    try:
        feature = Features.from_arrow_schema(schema)[column]
    except Exception as error:  # metadata of another version, or edited by hand: a dozen kinds
        raise ValueError(f"`root` has metadata that cannot be read in {where} ({error!r}); write it again") from error
    return tuple(getattr(feature, "names", None) or ())


def _column(schema: Any, names: tuple[str, ...], where: str) -> str:
    for name in names:
        if name in schema.names:
            return name
    raise ValueError(f"`root` has the columns {', '.join(schema.names)} in {where}, none of them {' or '.join(names)}")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"`root` holds a damaged parquet file, {str(path)!r} ({reason}); fetch it again") from error
