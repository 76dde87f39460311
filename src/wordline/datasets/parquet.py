"""Tables with the columns of the Hugging Face hub, from parquet files or from the hub itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .public import PublicDataset
from .rows import Rows
from .shards import complete_split


def read_parquet(files: tuple[Path, ...], spec: PublicDataset) -> list[Rows]:
    """Read the files of one split; each names its classes for itself.

    Raises ValueError for shards that are missing or do not belong together, and naming a file that
    is damaged or has other columns.
    """
    return [_read_file(path, spec) for path in complete_split(files)]


def _read_file(path: Path, spec: PublicDataset) -> Rows:
    import pyarrow as pa  # slow to import, and only needed here
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)  # pq.read_table would take classes from a folder called label=3
        table = file.read(columns=_columns(file.schema_arrow, spec, path.name))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"`root` holds a damaged parquet file, {str(path)!r} ({reason}); fetch it again"
        ) from error
    return rows_of_table(table, spec, path.name)


def rows_of_table(table: Any, spec: PublicDataset, where: str) -> Rows:
    """Return the rows of an Arrow table; an image is bytes, or a struct that has bytes."""
    import pyarrow as pa

    image_column, label_column = _columns(table.schema, spec, where)
    image, label = table[image_column], table[label_column]
    if label.null_count or not pa.types.is_integer(label.type):
        raise ValueError(
            f"`root` has rows without a whole-numbered label in {where}; pass a labelled split"
        )
    kind = pa.types
    if not (
        kind.is_struct(image.type) or kind.is_binary(image.type) or kind.is_large_binary(image.type)
    ):
        raise ValueError(
            f"`root` holds {image.type} where {where} should have encoded pictures; "
            "see `datasets.local`"
        )

    def encoded() -> Iterator[tuple[str, bytes]]:
        for index, cell in enumerate(image):
            value = cell.as_py()
            content = value.get("bytes") if isinstance(value, dict) else value
            path = value.get("path") if isinstance(value, dict) and not content else None
            only_named = f", which only names {path!r}" if path else ""
            yield f"row {index} of {where}{only_named}", content or b""

    return Rows.of(
        where, _class_names(table.schema, label_column, where), label.to_pylist(), encoded
    )


def _columns(schema: Any, spec: PublicDataset, where: str) -> list[str]:
    """Names of the columns of images and of labels."""
    found = []
    for names in (spec.image_columns, spec.label_columns):
        present = [name for name in names if name in schema.names]
        if not present:
            raise ValueError(
                f"`root` has the columns {', '.join(schema.names)} in {where}, "
                f"none of them {' or '.join(names)}"
            )
        found.append(present[0])
    return found


def _class_names(schema: Any, column: str, where: str) -> tuple[str, ...]:
    """Names of the labels in the metadata of the `datasets` library; () where there are none."""
    from datasets import Features  # the Hugging Face library: slow to import

    try:
        feature = Features.from_arrow_schema(schema)[column]
    except Exception as error:  # metadata of another version, or edited by hand: a dozen kinds
        raise ValueError(
            f"`root` has metadata that cannot be read in {where} ({error!r}); write it again"
        ) from error
    return tuple(getattr(feature, "names", None) or ())
