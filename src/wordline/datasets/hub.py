"""Public data sets from the Hugging Face hub, read by the `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .parquet import rows_of_table
from .public import PublicDataset
from .rows import Rows


def read_from_hub(spec: PublicDataset, split: str) -> list[Rows]:
    """Download a split, or take it from the library's cache; ValueError if neither is possible."""
    import datasets  # the Hugging Face library: slow to import, and only needed here

    name = spec.split_names(split)[0][0]
    try:
        with _no_progress_bars():
            table = datasets.load_dataset(spec.hub_path, split=name).data.table
    except Exception as error:  # no network, no such set, no room: the library raises a dozen kinds
        reason = " ".join(str(error).split())
        raise ValueError(
            f"`root` was not given, and {spec.hub_path!r} could not be had from the Hugging Face "
            f"hub ({reason}); pass a local folder of parquet files or images"
        ) from error
    return [rows_of_table(table, spec, f"{spec.hub_path} ({split})")]


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Silence the library's progress bars, and put its setting back afterwards."""
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
