"""Public image data sets through Hugging Face `datasets`: from the hub, or from a local folder of parquet or images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .data import ImageData, ImageSplit


@dataclass(frozen=True)
class HubSet:
    """Where a data set lives on the hub and what its columns are called."""

    path: str
    image: str
    label: str
    side: int
    splits: tuple[tuple[str, str], ...]  # our split -> theirs


HUB = {
    "cifar10": HubSet("uoft-cs/cifar10", "img", "label", 32, (("train", "train"), ("test", "test"))),
    "cifar100": HubSet("uoft-cs/cifar100", "img", "fine_label", 32, (("train", "train"), ("test", "test"))),
    "tiny-imagenet": HubSet("zh-plus/tiny-imagenet", "image", "label", 64, (("train", "train"), ("test", "valid"))),
}


def hub_data(name: str, root: str | Path = "") -> ImageData:
    """The data set `name` of `HUB`; `root` is a local folder of parquet files or of `split/class/image` folders."""
    spec = HUB[name]
    source = _local_files(Path(root), spec) if root else {}

    def read(split: str) -> ImageSplit:
        return _to_split(_load(spec, source, split), spec)

    names = _load(spec, source, "test").features[_column(_load(spec, source, "test"), spec.label, "label")].names
    return ImageData(name, tuple(names), read)


def _local_files(root: Path, spec: HubSet) -> dict[str, list[str] | Path]:
    """Our split -> parquet files, or the folder of images; says what was looked for when nothing is there."""
    if not root.is_dir():
        raise ValueError(f"`root` must be a folder, got {str(root)!r}, which does not exist")
    found: dict[str, list[str] | Path] = {}
    for ours, theirs in spec.splits:
        for stem in (ours, theirs, "val"):
            files = sorted(str(path) for path in root.rglob(f"{stem}*.parquet"))
            if files:
                found[ours] = files
            elif (root / stem).is_dir():
                found[ours] = root / stem
            if ours in found:
                break
        if ours not in found:
            raise ValueError(
                f"`root` {str(root)!r} holds neither {ours}*.parquet nor a folder {ours}/CLASS/IMAGE; "
                "pass the folder that does"
            )
    return found


def _load(spec: HubSet, source: dict[str, Any], split: str) -> Any:
    from datasets import load_dataset  # heavy to import, and only needed here

    if not source:
        return load_dataset(spec.path, split=dict(spec.splits)[split])
    where = source[split]
    try:
        if isinstance(where, Path):
            return load_dataset("imagefolder", data_dir=str(where), split="train")
        return load_dataset("parquet", data_files={split: where}, split=split)
    except Exception as error:  # the library raises a dozen kinds; the user needs the file and the reason
        raise ValueError(f"`root` holds data that cannot be read as images ({error}); check {where}") from error


def _column(rows: Any, *names: str) -> str:
    for name in names:
        if name in rows.features:
            return name
    raise ValueError(f"`root` has columns {sorted(rows.features)}, none of which is {' or '.join(names)}")


def _to_split(rows: Any, spec: HubSet) -> ImageSplit:
    if len(rows) == 0:
        raise ValueError("`root` holds an empty data set; a split needs at least one image")
    image = _column(rows, spec.image, "img", "image")
    label = _column(rows, spec.label, "label")
    pixels = np.empty((len(rows), spec.side, spec.side, 3), dtype=np.uint8)
    for index, picture in enumerate(rows[image]):
        pixels[index] = np.asarray(picture.convert("RGB").resize((spec.side, spec.side)))
    labels = torch.tensor(list(rows[label]), dtype=torch.int64)
    return ImageSplit(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), labels)
