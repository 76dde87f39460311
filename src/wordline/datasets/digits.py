"""scikit-learn's 1,797 handwritten digits: real data that needs no download (UCI, Alpaydin & Kaynak 1998)."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits

from .images import ImageData, ImageSplit

TRAIN_IMAGES = 1297  # the last 500 are the test split; the file's order already mixes writers and digits


def _read(split: str) -> ImageSplit:
    bunch = load_digits()
    images = torch.from_numpy(bunch.images).to(torch.float32).unsqueeze(1) / 16  # 17 grey levels, 0..16
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    part = slice(None, TRAIN_IMAGES) if split == "train" else slice(TRAIN_IMAGES, None)
    return ImageSplit(images[part].clone(), labels[part].clone())


def digits() -> ImageData:
    """1,297 training and 500 test images, 1 x 8 x 8 in [0, 1], ten classes.

    >>> len(digits().test), tuple(digits().test[0][0].shape)
    (500, (1, 8, 8))
    """
    return ImageData("digits", tuple(str(digit) for digit in range(10)), _read)
