"""Small data sets in the layouts of the public ones, made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image as Pillow
from PIL.Image import Image as Picture

from datasets import ClassLabel, Dataset, Features, Image, Value
from wordline.datasets.public import PUBLIC

SIDES = {"cifar10": 32, "cifar100": 32, "tiny-imagenet": 64}
COLUMNS = {
    "cifar10": ("img", "label"),
    "cifar100": ("img", "fine_label"),
    "tiny-imagenet": ("image", "label"),
}
STEMS = {"cifar10": "test", "cifar100": "test", "tiny-imagenet": "valid"}


def png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def flat(value: int, side: int = 32, mode: str = "RGB") -> Picture:
    """A picture of one shade, so that its pixels are known after any lossless round trip."""
    shade = {
        "RGB": (value, 0, 255 - value),
        "RGBA": (value, 0, 255 - value, 10),
        "L": value,
        "1": 1,
        "P": value,
    }[mode]
    return Pillow.new(mode, (side, side), shade)


WithClasses = Callable[..., None]


@pytest.fixture
def with_classes(monkeypatch: pytest.MonkeyPatch) -> WithClasses:
    """Lets `name` have these classes, for tests of how the files lie."""

    def change(name: str, *classes: str) -> None:
        spec = PUBLIC[name]
        monkeypatch.setitem(
            PUBLIC, name, replace(spec, classes=replace(spec.classes, names=classes))
        )

    return change


WriteParquet = Callable[..., Path]


@pytest.fixture
def write_parquet(tmp_path: Path) -> WriteParquet:
    """Writes two splits as the hub does, features in the metadata; `change` alters columns."""

    def write(
        name: str = "cifar10",
        count: int = 6,
        change: Callable[[dict[str, Any]], Any] | None = None,
        side: int = 0,
    ) -> Path:
        image, label = COLUMNS[name]
        names = list(PUBLIC[name].classes.names)
        for stem in ("train", STEMS[name]):
            columns: dict[str, Any] = {
                image: [
                    {"bytes": png(flat(40 * i, side or SIDES[name])), "path": None}
                    for i in range(count)
                ],
                label: [i % 3 for i in range(count)],
            }
            features: dict[str, Any] = {image: Image(), label: ClassLabel(names=names)}
            if name == "cifar100":
                columns["coarse_label"], features["coarse_label"] = (
                    [0] * count,
                    ClassLabel(names=["all"]),
                )
            if change:
                change(columns)
            features = {key: features.get(key, Value("string")) for key in columns}
            rows = Dataset.from_dict(columns, features=Features(features))
            pq.write_table(rows.data.table, tmp_path / f"{stem}-00000-of-00001.parquet")
        return tmp_path

    return write


def pixels_of(picture: Picture) -> torch.Tensor:
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
