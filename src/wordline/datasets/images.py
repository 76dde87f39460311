"""A data set: two splits of images and labels that fit in memory, as uint8 where they can be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..values import require_integer


@final
@dataclass(frozen=True, eq=False)
class ImageSplit(Dataset[tuple[Tensor, int]]):
    """Images and their labels; item i is (float image in [0, 1], int label).

    `images` is `(N, C, H, W)`, either uint8 (converted on access as value / 255) or floating point
    in [0, 1]; `labels` is `(N,)` int64. `name` is the data set's, and `flags` lists the changes
    made to the images; records repeat both. All are frozen fields that `dataclasses.replace` can
    swap.

    >>> white = torch.full((3, 1, 2, 2), 255, dtype=torch.uint8)
    >>> split = ImageSplit(white, torch.tensor([0, 1, 2]))
    >>> len(split), split[1][0].max().item(), split[1][1]
    (3, 1.0, 1)
    """

    images: Tensor
    labels: Tensor
    name: str = ""
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            shape = tuple(self.images.shape)
            raise ValueError(f"`images` must be (N, C, H, W), got shape {shape}")
        if self.images.dtype != torch.uint8 and not self.images.dtype.is_floating_point:
            raise TypeError(f"`images` must be uint8 or floating point, got {self.images.dtype}")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"`labels` must be int64 of shape ({self.images.shape[0]},), "
                f"got {self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )
        if len(self.labels) == 0:
            raise ValueError("`images` is empty; a split needs at least one image")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return to_float(self.images[index]), int(self.labels[index])

    def take(self, limit: int) -> ImageSplit:
        """Return the first `limit` images, the same for everyone; all where `limit` is larger."""
        require_integer("limit", limit, at_least=1)
        return replace(self, images=self.images[:limit], labels=self.labels[:limit])

    def fingerprint(self) -> str:
        """Return sixteen hex digits of the content: a record names its images by them."""
        digest = hashlib.sha256(f"{self.images.dtype}{tuple(self.images.shape)}".encode())
        digest.update(self.images.contiguous().numpy().tobytes())
        digest.update(self.labels.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


@final
@dataclass(frozen=True, eq=False)
class ImageData:
    """A named data set; each split is read when first asked for.

    `classes[k]` is the name of label k; `read` returns the split "train" or "test".
    """

    name: str
    classes: tuple[str, ...]
    read: Callable[[str], ImageSplit]

    @cached_property
    def train(self) -> ImageSplit:
        """Training split."""
        return replace(self.read("train"), name=self.name)

    @cached_property
    def test(self) -> ImageSplit:
        """Test split."""
        return replace(self.read("test"), name=self.name)


def to_float(images: Tensor) -> Tensor:
    """Convert images to float in [0, 1]: uint8 / 255 in float32; floating point stays as it is."""
    return images.to(torch.float32) / 255 if images.dtype == torch.uint8 else images
