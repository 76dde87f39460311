"""Data sets by name."""

from __future__ import annotations

from pathlib import Path

from .digits import digits
from .hub import HUB, hub_data
from .images import ImageData


def load_dataset(name: str, root: str | Path = "") -> ImageData:
    """A data set by name: "digits" (embedded), "cifar10", "cifar100" or "tiny-imagenet".

    The last three come from the Hugging Face hub, or from `root`, a local folder of parquet files or of images (see
    `datasets.local`). Raises ValueError for an unknown name or a folder that holds no such data.

    >>> load_dataset("digits").classes[:3]
    ('0', '1', '2')
    """
    if name == "digits":
        if str(root):
            raise ValueError("`root` is not used by the embedded 'digits'; leave it out")
        return digits()
    if name not in HUB:
        raise ValueError(f"`name` must be one of {', '.join(['digits', *HUB])}, got {name!r}")
    return hub_data(name, root)
