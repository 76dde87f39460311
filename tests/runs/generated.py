"""Data sets of the published schema: CIFAR-100 as parquet, Tiny ImageNet as its archive."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image as Pillow

from datasets import ClassLabel, Dataset, Features, Image
from wordline.datasets.classes import CIFAR100, TINY_IMAGENET


def png(rng: np.random.Generator, side: int) -> bytes:
    """One picture of noise."""
    buffer = io.BytesIO()
    Pillow.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def cifar100(root: Path, train: int = 16, test: int = 4) -> None:
    """Columns img, fine_label of 100 classes and coarse_label of 20, a file a split."""
    rng = np.random.default_rng(0)
    root.mkdir(parents=True)
    for stem, count in (("train", train), ("test", test)):
        columns = {
            "img": [{"bytes": png(rng, 32), "path": None} for _ in range(count)],
            "fine_label": [int(label) for label in rng.integers(0, 100, count)],
            "coarse_label": [0] * count,
        }
        features = Features(
            {
                "img": Image(),
                "fine_label": ClassLabel(names=list(CIFAR100)),
                "coarse_label": ClassLabel(names=[f"coarse{k}" for k in range(20)]),
            }
        )
        rows = Dataset.from_dict(columns, features=features)
        pq.write_table(rows.data.table, root / f"{stem}-00000-of-00001.parquet")


def tiny_imagenet(root: Path, classes: int = 200) -> None:
    """Write a picture a class and split.

    train/CLASS/images/picture, val/images/picture with val_annotations.txt.
    """
    rng = np.random.default_rng(1)
    names = TINY_IMAGENET[:classes]
    for name in names:
        folder = root / "train" / name / "images"
        folder.mkdir(parents=True)
        (folder / f"{name}_0.png").write_bytes(png(rng, 64))
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for index, name in enumerate(names):  # every class has to stand in the list
        (root / "val" / "images" / f"val_{index}.png").write_bytes(png(rng, 64))
        lines.append(f"val_{index}.png\t{name}\t0\t0\t62\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
