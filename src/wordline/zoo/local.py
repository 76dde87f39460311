"""A split of a public data set in a local folder: parquet files of the hub's schema, or folders of pictures.

Looked for below the folder, for a split called `train` (`test`, `valid`, `val` or `validation`):

- `train*.parquet` or `train/*.parquet`: columns `img` or `image`, and `label` or `fine_label`;
- `train/CLASS/picture` or `train/CLASS/images/picture`;
- `val/images/picture` with `val/val_annotations.txt`, as Tiny ImageNet was published.

The classes that a table's metadata name, or the folders, must be as many as the data set has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .folders import folder_rows
from .rows import Columns, Rows
from .tables import parquet_classes, parquet_rows


@dataclass(frozen=True)
class Found:
    """What holds one split: parquet files, or if there are none a folder of pictures."""

    parquet: tuple[Path, ...]
    folder: Path

    def read(self, columns: Columns) -> Rows:
        """The rows of the split."""
        return parquet_rows(self.parquet, columns) if self.parquet else folder_rows(self.folder)

    def classes(self, columns: Columns) -> tuple[str, ...]:
        """The names of the classes, without reading pictures."""
        return parquet_classes(self.parquet[0], columns) if self.parquet else folder_rows(self.folder).classes


def find(root: Path, split: str, stems: tuple[str, ...]) -> Found:
    """The files of a split below `root`, under the first of the names `stems` that is there."""
    if not root.is_dir():
        raise ValueError(f"`root` must be an existing folder, got {str(root)!r}")
    for stem in stems:
        files = sorted({*root.rglob(f"{stem}*.parquet"), *root.rglob(f"{stem}/*.parquet")})
        files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(root).parts)]
        if files:
            return Found(tuple(files), root)
        if (root / stem).is_dir():
            return Found((), root / stem)
    names = " or ".join(stems)
    raise ValueError(
        f"`root` {str(root)!r} holds no {split} split: no {stems[0]}*.parquet and no {stems[0]}/CLASS/PICTURE "
        f"(looked for {names}); pass the folder that does"
    )
