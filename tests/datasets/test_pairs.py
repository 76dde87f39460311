"""Data sets of pairs, against the tensors that they were made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from wordline.datasets import ImageSplit, as_split, load_dataset

IMAGES, LABELS = (
    torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0)),
    torch.tensor([3, 1, 4, 1, 5]),
)


class PairDataset(Dataset[tuple[Tensor, int]]):
    """A data set like torchvision's with ToTensor."""

    def __init__(self, name: object = "") -> None:
        self.name, self.asked = name, 0

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.asked += 1
        return IMAGES[index], int(LABELS[index])


PAIRS = [(image, int(label)) for image, label in zip(IMAGES, LABELS, strict=True)]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (TensorDataset(IMAGES, LABELS), "TensorDataset"),
        (TensorDataset(IMAGES, LABELS.to(torch.uint8)), "TensorDataset"),
        (
            Subset(Subset(TensorDataset(IMAGES, LABELS), range(5)), range(5)),
            "Subset of Subset of TensorDataset",
        ),
        (PAIRS, "list"),
        (tuple(PAIRS), "tuple"),
        ([[image.numpy(), np.int64(label)] for image, label in PAIRS], "list"),
        (PairDataset("my images"), "my images"),
        (PairDataset(3), "PairDataset"),
    ],
)
def test_data_sets_of_pairs(data: Any, name: str) -> None:
    split = as_split(data)
    assert torch.equal(split.images, IMAGES) and torch.equal(split.labels, LABELS)
    assert (split.name, split.flags) == (name, ())
    assert split.fingerprint() == ImageSplit(IMAGES, LABELS).fingerprint()


def test_a_split_comes_back_as_it_is() -> None:
    split = ImageSplit(IMAGES, LABELS, "x")
    assert as_split(split) is split and torch.equal(as_split(split, limit=2).images, IMAGES[:2])


def test_every_pair_is_asked_for_once_and_no_more_than_the_limit() -> None:
    pairs = PairDataset()
    assert len(as_split(pairs, limit=3)) == 3 and pairs.asked == 3
    assert len(as_split(pairs, limit=9)) == 5 and pairs.asked == 8


def test_bytes_are_divided_by_255_and_said_so() -> None:
    split = as_split([(torch.full((1, 2, 2), 51, dtype=torch.uint8), 0)])
    assert split[0][0].unique().tolist() == pytest.approx([0.2])
    assert split.flags == ("bytes of the data set were divided by 255",)


@pytest.mark.parametrize("off", [1.0000001, 1 + 9e-7, -1e-7, -9e-7])
@pytest.mark.parametrize("native", [True, False])
def test_rounding_is_clipped_and_said_so(off: float, native: bool) -> None:
    images = IMAGES.double()
    images[2, 0, 1, 1] = off
    split = as_split(ImageSplit(images, LABELS, "x") if native else TensorDataset(images, LABELS))
    assert torch.equal(split.images, images.clamp(0, 1)) and split.images.dtype == torch.float64
    amount = abs(off - (off > 0))
    assert split.flags == (f"pixels off [0, 1] by up to {amount:.1e} were clipped",)
    assert as_split(split) is split


@pytest.mark.parametrize(
    "pixel", [1.00001, -1e-5, 255.0, float("nan"), float("inf"), -float("inf")]
)
@pytest.mark.parametrize("native", [True, False])
def test_pixels_elsewhere_are_refused(pixel: float, native: bool) -> None:
    images = IMAGES.clone()
    images[2, 0, 1, 1] = pixel
    with pytest.raises(
        ValueError,
        match=r"`images` of `data` must lie in \[0, 1\] without NaN, got .*wl.Normalized",
    ):
        as_split(ImageSplit(images, LABELS) if native else TensorDataset(images, LABELS))


class Stream(IterableDataset[tuple[Tensor, int]]):
    def __iter__(self) -> Any:
        return iter(PAIRS)


@pytest.mark.parametrize(
    ("data", "kind", "match"),
    [
        (3, TypeError, "`data` must be ImageSplit or a map-style data set of .* pairs, got int"),
        ("cifar10", TypeError, "`data` must be ImageSplit .*got str"),
        ({"image": IMAGES}, TypeError, "`data` must be ImageSplit .*got dict"),
        (Stream(), TypeError, "`data` must be ImageSplit .*got Stream"),
        (iter(PAIRS), TypeError, "`data` must be ImageSplit .*got list_iterator"),
        (DataLoader(PairDataset()), TypeError, "got DataLoader; pass its `.dataset`"),
        (
            load_dataset("digits"),
            TypeError,
            "got a data set of two splits; pass its `.test` or `.train`",
        ),
        ([], ValueError, "`data` is empty; pass at least one"),
        ([1], TypeError, "`data` must be ImageSplit .* but item 0 is int"),
        (
            (IMAGES, LABELS),
            TypeError,
            "item 0 is Tensor; for two tensors pass torch.utils.data.TensorDataset",
        ),
        (TensorDataset(IMAGES, LABELS, LABELS), TypeError, "item 0 is tuple"),
        ([{"image": IMAGES[0], "label": 1}], TypeError, "item 0 is dict"),
        (
            [(Image.new("L", (2, 2)), 0)],
            TypeError,
            "item 0 has an image of type Image, .*transforms.ToTensor",
        ),
        (
            [(IMAGES[0].long(), 0)],
            TypeError,
            "item 0 has an image of torch.int64, which must be floating point in",
        ),
        (
            [(IMAGES[0, 0], 0)],
            ValueError,
            r"item 0 has an image of shape \(2, 2\), which must be \(C, H, W\)",
        ),
        (
            [PAIRS[0], (IMAGES[0, :, :1], 0)],
            ValueError,
            r"item 1 is torch.float32 \(1, 1, 2\), item 0 .*must be alike",
        ),
        (
            [PAIRS[0], (IMAGES[0].double(), 0)],
            ValueError,
            "item 1 is torch.float64 .*images must be alike",
        ),
        ([(IMAGES[0], 0.5)], TypeError, "item 0 has the label 0.5, which must be a whole number"),
        ([(IMAGES[0], True)], TypeError, "item 0 has the label True"),
        ([(IMAGES[0], "cat")], TypeError, "item 0 has the label 'cat'"),
        ([(IMAGES[0], torch.tensor([1, 0]))], TypeError, "item 0 has the label tensor"),
        ([(IMAGES[0], -1)], ValueError, "item 0 has the label -1, which must not be negative"),
    ],
)
def test_what_holds_no_pairs(data: Any, kind: type[Exception], match: str) -> None:
    with pytest.raises(kind, match=match):
        as_split(data)


def test_the_argument_is_named_as_the_caller_says() -> None:
    with pytest.raises(TypeError, match="`calibration` must be ImageSplit"):
        as_split(3, "calibration")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`limit` must be at least 0, got -1"):
        as_split(PAIRS, limit=-1)
