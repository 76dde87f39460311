"""Public data sets that can be loaded by name, and their columns, splits and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from .classes import CIFAR10, CIFAR100, TINY_IMAGENET, Classes

VALIDATION = ("valid", "val", "validation")


@final
@dataclass(frozen=True)
class PublicDataset:
    """Description of a public data set of images.

    `hub_path`: its name on the Hugging Face hub. `test`: names of its test split, in groups by
    preference. `side`: height and width of its images in pixels. `image_columns` and
    `label_columns`: names of the columns of its tables, by preference.
    """

    hub_path: str
    classes: Classes
    side: int
    test: tuple[tuple[str, ...], ...]
    image_columns: tuple[str, ...]
    label_columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.classes.data

    def split_names(self, split: str) -> tuple[tuple[str, ...], ...]:
        """Return the names of a split, "train" or "test", in groups by preference."""
        return (("train",),) if split == "train" else self.test


PUBLIC = {
    spec.name: spec
    for spec in (
        PublicDataset(
            "uoft-cs/cifar10", Classes("cifar10", CIFAR10), 32, (("test",), VALIDATION),
            ("img", "image"), ("label",),
        ),
        PublicDataset(
            "uoft-cs/cifar100", Classes("cifar100", CIFAR100), 32, (("test",), VALIDATION),
            ("img", "image"), ("fine_label", "label"),
        ),
        PublicDataset(  # its own `test` has no labels, so that comes last
            "zh-plus/tiny-imagenet", Classes("tiny-imagenet", TINY_IMAGENET), 64,
            (VALIDATION, ("test",)), ("image", "img"), ("label",),
        ),
    )
}  # fmt: skip
