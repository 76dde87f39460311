"""Public data sets that can be loaded by name, and their columns, splits and classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from .classes import CIFAR10, CIFAR100, TINY_IMAGENET, Classes

VALIDATION = ("valid", "val", "validation")


@final
@dataclass(frozen=True)
class PublicDataset:
    """Description of a public data set of images.

    `hub_path`: its name on the Hugging Face hub, "" for none. `test`: names of its test split, in
    groups by preference. `side`: height and width of its images in pixels. `image_columns` and
    `label_columns`: names of the columns of its tables, by preference. `copies`: sides of reduced
    copies that people use under its name.
    """

    hub_path: str
    classes: Classes
    side: int
    test: tuple[tuple[str, ...], ...]
    image_columns: tuple[str, ...]
    label_columns: tuple[str, ...]
    copies: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.classes.data

    def at(self, side: int) -> PublicDataset:
        """Return the data set of images of another side; 0 is its own.

        A copy is another data set: its name ends in its side, and it is read from files alone.

        >>> PUBLIC["tiny-imagenet"].at(32).name
        'tiny-imagenet-32'
        """
        if side in (0, self.side):
            return self
        if side not in self.copies:
            known = " or ".join(map(str, (self.side, *self.copies)))
            raise ValueError(f"`side` of {self.name} must be {known}, got {side!r}")
        copy = replace(self.classes, data=f"{self.name}-{side}")
        return replace(self, hub_path="", classes=copy, side=side)

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
            (VALIDATION, ("test",)), ("image", "img"), ("label",), copies=(32,),
        ),
    )
}  # fmt: skip
