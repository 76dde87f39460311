"""Arrow tables of the hub's schema, from a parquet file or from the hub itself, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .rows import Columns, Rows


def parquet_rows(files: Sequence[Path], columns: Columns) -> Rows:
    """The rows of the parquet files of a split; ValueError naming a file that is damaged or has other columns."""
    tables = []
    for path in files:
        with _readable(path):
            schema = pq.read_schema(path)
            wanted = [_column(schema, columns.image, path.name), _column(schema, columns.label, path.name)]
            tables.append(pq.read_table(path, columns=wanted))
    with _readable(files[0].parent):
        table = pa.concat_tables(tables)
    return table_rows(table, columns, ", ".join(path.name for path in files[:3]))


def parquet_classes(path: Path, columns: Columns) -> tuple[str, ...]:
    """The class names in the schema of one file, without reading its pictures."""
    with _readable(path):
        return _classes(pq.read_schema(path), columns, path.name)


def table_rows(table: Any, columns: Columns, where: str) -> Rows:
    """The rows of an Arrow table with the columns `(image, label)`; an image is bytes, or a struct with bytes."""
    label = table[_column(table.schema, columns.label, where)]
    image = table[_column(table.schema, columns.image, where)]
    if label.null_count or not pa.types.is_integer(label.type):
        raise ValueError(f"`root` has rows without a whole-numbered label in {where}; pass a labelled split")
    if not (pa.types.is_struct(image.type) or pa.types.is_binary(image.type) or pa.types.is_large_binary(image.type)):
        raise ValueError(f"`root` holds {image.type} where {where} should have encoded pictures; see `zoo.local`")

    def encoded() -> Iterator[tuple[str, bytes]]:
        for index, cell in enumerate(image):
            value = cell.as_py()
            content = value.get("bytes") if isinstance(value, dict) else value
            yield f"row {index} of {where}", content or b""

    return Rows(where, _classes(table.schema, columns, where), label.to_pylist(), encoded)


def _classes(schema: Any, columns: Columns, where: str) -> tuple[str, ...]:
    """The names that Hugging Face's metadata give the labels; numbers where there are none."""
    from datasets import Features  # slow to import, and only needed here

    feature = Features.from_arrow_schema(schema)[_column(schema, columns.label, where)]
    return tuple(getattr(feature, "names", None) or map(str, range(columns.classes)))


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
