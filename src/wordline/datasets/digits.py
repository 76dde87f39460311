"""Handwritten digits that need no download: 1,797 images of 8 x 8 pixels.

Source: the test set of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998, UCI,
CC BY 4.0); `embedded/README.md` has the reference and the licence.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
import torch

from .images import ImageData, ImageSplit

SIDE = 8  # of an image, in pixels
TRAIN_IMAGES = (
    1297  # the last 500 are the test split; the file's order already mixes writers and digits
)


def digits() -> ImageData:
    """Return 1,297 training and 500 test images, 1 x 8 x 8 in [0, 1], of ten classes.

    >>> len(digits().test), tuple(digits().test[0][0].shape)
    (500, (1, 8, 8))
    """
    return ImageData("digits", tuple(str(digit) for digit in range(10)), _read)


def _read(split: str) -> ImageSplit:
    file = resources.files("wordline.datasets") / "embedded" / "digits.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
        images = torch.from_numpy(content["images"]).to(torch.float32).unsqueeze(1) / 16  # 17 greys
        labels = torch.from_numpy(content["labels"]).to(torch.int64)
    part = slice(None, TRAIN_IMAGES) if split == "train" else slice(TRAIN_IMAGES, None)
    return ImageSplit(images[part].clone(), labels[part].clone())
