"""Encoded pictures (JPEG, PNG, ...) to one tensor of pixels, by these rules:

- PNG, JPEG, BMP, WebP, GIF, PPM and TIFF are read, by content and not by suffix.
- 8 bits a channel are taken as they are. Grey becomes three equal channels, 1 bit 0 or 255, a
  palette its colours.
- 16 bits v, grey or RGB, become v // 257, so that 65535 is 255.
- Floating point in [0, 1] becomes 255 v, rounded; other values and NaN are refused.
- A channel or colour of transparency is dropped where every pixel is opaque. A transparent pixel is
  refused: its colour depends on the background.
- CMYK becomes R = (255 - C)(255 - K) / 255, and so on; colour profiles are not applied.
- A picture is turned as its EXIF data say.
- Several frames or pages are refused, and so are whole numbers of 12 or 32 bits and 16 bits or
  floating point whose zero is white: Pillow gives them without their white.
- Another size than the data set's is refused: who resamples has made other data.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image, ImageOps
from PIL.Image import Image as Picture
from torch import Tensor

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "PPM", "TIFF")  # no EPS: it would run Ghostscript
# Pillow keeps the high byte of 16-bit colour; read in the other byte order, it keeps the low one
OTHER_ORDER = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGBA;16N": "RGBA;16B",
}  # fmt: skip
PHOTOMETRIC = 262  # the TIFF tag that says which end is white
TRANSPARENT = "it has transparent pixels; put it on a background"


def decode(encoded: Iterable[tuple[str, bytes]], count: int, side: int) -> Tensor:
    """Decode `count` pairs of (name, file content) to uint8 pixels `(count, 3, side, side)`.

    Raises ValueError naming the first picture that cannot be decoded by the rules of this module,
    or has another size.
    """
    pixels = np.empty((count, side, side, 3), dtype=np.uint8)
    for index, (name, content) in enumerate(encoded):
        try:
            rgb = to_rgb(content)
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and more
            reason = str(error).split(" <")[0]  # Pillow ends with the address of a buffer
            raise ValueError(
                f"`root` holds a picture that cannot be decoded, {name} ({reason}); replace it"
            ) from error
        if rgb.size != (side, side):
            width, height = rgb.size
            raise ValueError(
                f"`root` holds a picture of {width} x {height} pixels, {name}, where {side} x "
                f"{side} are asked for; tiny-imagenet is read with side=64 or, of its reduced "
                "copy, side=32 (--side), and any other picture has to be resampled first"
            )
        pixels[index] = np.asarray(rgb)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def to_rgb(content: bytes) -> Picture:
    """Decode one picture as RGB of 8 bits, in its own size.

    Raises ValueError, or an error of Pillow, where no rule applies.
    """
    picture = Image.open(io.BytesIO(content), formats=FORMATS)
    mode, coding = picture.mode, _coding(picture)
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        raise ValueError(f"it has {frames} frames or pages, and which one is meant is not said")
    if mode.startswith(("I", "F")):
        if getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == 0:
            raise ValueError("its zero is white, in more than 8 bits; save it with zero as black")
        if coding == "I;12" or (mode == "I" and picture.format not in ("PNG", "PPM")):
            raise ValueError(
                f"it holds whole numbers ({coding}) that have no agreed white; save it with 16 bits"
            )
        return _from_grey(np.asarray(_upright(picture)), picture.info.get("transparency"))
    if ";16" in coding or (picture.format == "PPM" and mode == "RGB" and coding != "RGB"):
        return _from_16_bit_colour(content, coding)
    return _from_8_bits(_upright(picture))


def _coding(picture: Picture) -> str:
    """Coding of a pixel in the file, in Pillow's words, such as "RGB;16B"."""
    tiles = getattr(picture, "tile", ())
    args = tiles[0].args if tiles else ""
    words = [args] if isinstance(args, str) else list(args or ())
    if picture.format == "PPM" and len(words) > 1:
        deep = words[0] == "RGB" and words[1] != 255
        return f"RGB up to {words[1]}" if deep else str(words[0])
    return words[0] if words and isinstance(words[0], str) else ""


def _upright(picture: Picture) -> Picture:
    picture.load()
    return ImageOps.exif_transpose(picture)


def _from_grey(values: np.ndarray, transparent: int | None = None) -> Picture:
    if values.dtype.kind == "f":
        if not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(
                "its floating-point values are not all in [0, 1]; scale them so that 1 is white"
            )
        values = np.rint(255 * values.astype(np.float64))
    else:
        if transparent is not None and (values == transparent).any():
            raise ValueError(TRANSPARENT)
        values = values.astype(np.int64) // 257
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def _from_16_bit_colour(content: bytes, coding: str) -> Picture:
    """Decode twice: for each number's high byte, and for its low byte."""
    if coding not in OTHER_ORDER:
        raise ValueError(
            f"it holds colours as {coding}, which are not decoded; save it as RGB of 8 or 16 bits"
        )
    parts = []
    for rawmode in (coding, OTHER_ORDER[coding]):
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        picture.tile = [
            tile._replace(
                args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode
            )
            for tile in picture.tile
        ]
        parts.append(np.asarray(_upright(picture)).astype(np.int64))
    values = 256 * parts[0] + parts[1]
    transparent = picture.info.get("transparency")
    hidden = transparent is not None and (values == np.array(transparent)).all(2).any()
    if hidden or (values[..., 3:] < 65535).any():
        raise ValueError(TRANSPARENT)
    return Image.fromarray((values[..., :3] // 257).astype(np.uint8))


def _from_8_bits(picture: Picture) -> Picture:
    if picture.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if int(np.asarray(picture)[..., 3].min()) < 255:
            raise ValueError(TRANSPARENT)
    return picture.convert("RGB")
