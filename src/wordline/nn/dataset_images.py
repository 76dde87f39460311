"""Images of a user's data set, in the form that networks take."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset


def load_image(data: Dataset[Any], index: int) -> Tensor:
    """Load the image of pair `index`: floating point as it is, bytes as value / 255.

    Raises TypeError for an item that is no pair with a tensor of one of these kinds in front.

    >>> load_image([(torch.tensor([0, 255], dtype=torch.uint8), 0)], 0).tolist()
    [0.0, 1.0]
    """
    item = data[index]
    image = item[0] if isinstance(item, tuple | list) and item else None
    if not isinstance(image, Tensor) or not (
        image.dtype == torch.uint8 or image.is_floating_point()
    ):
        other = type(item if image is None else image).__name__
        got = str(image.dtype) if isinstance(image, Tensor) else other
        raise TypeError(
            f"`data` item {index} must begin with an image, a tensor of floating point or of "
            f"bytes, got {got}"
        )
    return image.to(torch.float32) / 255 if image.dtype == torch.uint8 else image
