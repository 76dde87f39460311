"""Encoded pictures (JPEG, PNG, ...) to one tensor of pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def decode(encoded: Iterable[tuple[str, bytes]], count: int, side: int) -> Tensor:
    """`count` pairs of (what to call it, file content) -> uint8 pixels `(count, 3, side, side)`.

    Grey, palette and transparent pictures become RGB (transparency is dropped); another size is resampled to `side`.
    Raises ValueError naming the first picture that cannot be decoded.
    """
    pixels = np.empty((count, side, side, 3), dtype=np.uint8)
    for index, (name, content) in enumerate(encoded):
        try:
            with Image.open(io.BytesIO(content)) as picture:
                rgb = picture.convert("RGB")
        except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
            reason = str(error).split(" <")[0]  # Pillow ends the sentence with the address of a buffer
            raise ValueError(f"`root` holds a picture that cannot be decoded, {name} ({reason}); replace it") from error
        pixels[index] = np.asarray(rgb if rgb.size == (side, side) else rgb.resize((side, side)))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
