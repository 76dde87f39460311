"""Pictures against arithmetic on the numbers written; 16-bit files are made byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wordline.datasets.pictures import decode

from .conftest import flat, pixels_of, png


def shown(content: bytes, side: int = 4) -> np.ndarray:
    """Pixels as (row, column, channel)."""
    return decode([("x", content)], 1, side)[0].permute(1, 2, 0).numpy()


def saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def png16(numbers: np.ndarray, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits: colour 0 grey, 2 RGB, 4 grey with opacity, 6 RGBA."""
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers)
    height, width = numbers.shape[:2]
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
    parts = [head, *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    framed = [
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def tiff(
    numbers: np.ndarray, order: str = "<", photometric: int = 1, turned: int = 1, kind: int = 1
) -> bytes:
    """An uncompressed TIFF; kind 1 whole numbers, 2 signed ones, 3 floating point."""
    height, width, channels = (*numbers.shape, 1)[:3]
    data = numbers.astype(numbers.dtype.newbyteorder(order)).tobytes()
    bits = 8 * numbers.dtype.itemsize
    tags = [
        (256, [width]), (257, [height]), (258, [bits] * channels), (259, [1]), (262, [photometric]),
        (273, [8]), (274, [turned]), (277, [channels]), (278, [height]), (279, [len(data)]),
        (339, [kind] * channels),
    ]  # fmt: skip
    at, body, beyond = 8 + len(data), b"", b""
    for tag, values in tags:
        packed = struct.pack(f"{order}{len(values)}H", *values)
        offset = struct.pack(f"{order}I", at + 6 + 12 * len(tags) + len(beyond))
        beyond += packed if len(packed) > 4 else b""
        kept = offset if len(packed) > 4 else packed.ljust(4, b"\0")
        body += struct.pack(f"{order}HHI", tag, 3, len(values)) + kept
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, at)
    return (
        head
        + data
        + struct.pack(f"{order}H", len(tags))
        + body
        + struct.pack(f"{order}I", 0)
        + beyond
    )


@pytest.fixture
def numbers() -> np.ndarray:
    """4 x 4 pixels of four numbers of 16 bits, among them both ends and both sides of a step."""
    values = np.random.default_rng(0).integers(0, 65536, (4, 4, 4))
    values[0, :, :3] = np.array([0, 256, 257, 65535])[:, None]
    return values.astype(np.uint16)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_every_kind_of_picture_becomes_rgb(mode: str) -> None:
    picture = flat(100, 5, mode)
    out = decode([("a", png(picture))], 1, 5)
    assert out.dtype == torch.uint8 and out.is_contiguous()
    assert torch.equal(out[0], pixels_of(picture))


@pytest.mark.parametrize("order", "<>")
def test_sixteen_bits_are_divided_by_257(numbers: np.ndarray, order: str) -> None:
    grey, colour = numbers[..., 0], numbers[..., :3]
    want = np.repeat(grey[..., None] // 257, 3, 2)
    assert np.array_equal(shown(tiff(grey, order)), want)
    assert np.array_equal(shown(png16(grey, 0)), want)
    assert np.array_equal(shown(tiff(colour, order, photometric=2)), colour // 257)
    assert np.array_equal(shown(png16(colour, 2)), colour // 257)
    opaque = numbers.copy()
    opaque[..., 3] = 65535
    assert np.array_equal(shown(png16(opaque, 6)), colour // 257)


def test_sixteen_bits_compressed_and_in_pgm(numbers: np.ndarray) -> None:
    grey = np.ascontiguousarray(numbers[..., 0])
    want = np.repeat(grey[..., None] // 257, 3, 2)
    assert np.array_equal(shown(saved(Image.fromarray(grey), "TIFF", compression="tiff_lzw")), want)
    assert np.array_equal(shown(b"P5 4 4 65535\n" + grey.astype(">u2").tobytes()), want)


def test_floating_point_in_the_unit_interval_is_rounded() -> None:
    values = np.array([[0, 0.2, 0.5, 1]] * 4, dtype=np.float32)
    assert shown(tiff(values, kind=3))[0, :, 0].tolist() == [0, 51, 128, 255]
    assert shown(saved(Image.fromarray(values), "TIFF"))[0, :, 2].tolist() == [0, 51, 128, 255]


def test_opaque_pictures_lose_their_opacity() -> None:
    for mode, colour in (("RGBA", (9, 8, 7, 255)), ("LA", (9, 255))):
        want = [9, 8, 7] if mode == "RGBA" else [9, 9, 9]
        assert shown(png(Image.new(mode, (4, 4), colour)))[0, 0].tolist() == want
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 5, 6, 7])
    assert shown(saved(palette, "GIF", transparency=0))[0, 0].tolist() == [
        5,
        6,
        7,
    ]  # declared, and not used


def test_cmyk_by_its_formula() -> None:
    cyan, magenta, yellow, black = 10, 100, 200, 50
    picture = Image.new("CMYK", (4, 4), (cyan, magenta, yellow, black))
    want = [round((255 - ink) * (255 - black) / 255) for ink in (cyan, magenta, yellow)]
    assert shown(saved(picture, "TIFF"))[0, 0].tolist() == want
    assert np.abs(shown(saved(picture, "JPEG", quality=100))[0, 0].astype(int) - want).max() <= 2


@pytest.mark.parametrize("turned", range(1, 9))
def test_pictures_are_turned_as_they_say(turned: int, numbers: np.ndarray) -> None:
    """EXIF 2.32, 4.6.5 A: where row 0 and column 0 of what is stored belong."""
    eight = (numbers[..., :3] // 257).astype(np.uint8)
    as_seen = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1), 8: lambda a: np.rot90(a),
    }[turned]  # fmt: skip
    exif = Image.Exif()
    exif[274] = turned
    assert np.array_equal(shown(saved(Image.fromarray(eight), "PNG", exif=exif)), as_seen(eight))
    assert np.array_equal(
        shown(tiff(numbers[..., :3], photometric=2, turned=turned)), as_seen(eight)
    )
    grey = np.repeat(eight[..., :1], 3, 2)
    assert np.array_equal(shown(tiff(numbers[..., 0], turned=turned)), as_seen(grey))


def test_pictures_of_another_size_are_refused() -> None:
    out = decode([("a", png(flat(100, 4)))], 1, 4)
    assert torch.equal(out[0, :, 0, 0], torch.tensor([100, 0, 155], dtype=torch.uint8))
    with pytest.raises(ValueError, match="a picture of 3 x 7 pixels, b, where 4 x 4 are asked for"):
        decode([("a", png(flat(100, 4))), ("b", png(Image.new("RGB", (3, 7))))], 2, 4)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", png(flat(3))[:60], b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_a_corrupt_picture_is_named(content: bytes) -> None:
    with pytest.raises(
        ValueError, match="`root` holds a picture that cannot be decoded, row 7 .*; replace it"
    ):
        decode([("row 6", png(flat(1))), ("row 7", content)], 2, 32)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF"])
def test_truncated_pictures(format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    content = saved(Image.fromarray(noise), format)
    shown(content, 16)
    with pytest.raises(ValueError, match=r"cannot be decoded, b.png \(.*\); replace it"):
        decode([("b.png", content[: len(content) * 2 // 3])], 1, 16)


def hidden(values: np.ndarray) -> list[bytes]:
    """Pictures with a transparent pixel, in every way that says so."""
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0, 5, 6, 7])
    grey = values[..., 0].copy()
    return [
        png(flat(100, 4, "RGBA")), png(Image.new("LA", (4, 4), (9, 254))),
        saved(palette, "GIF", transparency=0), saved(palette, "PNG", transparency=b"\x00\xff"),
        saved(Image.new("RGB", (4, 4)), "PNG", transparency=(0, 0, 0)),
        png16(values, 6), png16(grey, 0, (b"tRNS", struct.pack(">H", 257))),
        png16(values[..., :3], 2, (b"tRNS", struct.pack(">3H", 257, 257, 257))),
    ]  # fmt: skip


@pytest.mark.parametrize("way", range(8))
def test_transparent_pixels_are_refused(numbers: np.ndarray, way: int) -> None:
    with pytest.raises(
        ValueError, match="cannot be decoded, x .it has transparent pixels; put it on a background"
    ):
        shown(hidden(numbers)[way])


def test_what_no_rule_covers_is_refused(numbers: np.ndarray) -> None:
    grey, halves = np.ascontiguousarray(numbers[..., 0]), np.full((4, 4), 0.5, np.float32)
    twice = saved(
        Image.new("L", (4, 4)), "GIF", save_all=True, append_images=[Image.new("L", (4, 4), 9)]
    )
    pages = saved(
        Image.new("L", (4, 4)), "TIFF", save_all=True, append_images=[Image.new("L", (4, 4), 9)]
    )
    for content, match in (
        (twice, "it has 2 frames or pages"),
        (pages, "it has 2 frames or pages"),
        (tiff(grey, photometric=0), "its zero is white"),
        (tiff(halves, photometric=0, kind=3), "its zero is white"),
        (tiff(grey.astype(np.int16), kind=2), "whole numbers .I;16S. that have no agreed white"),
        (
            saved(Image.fromarray(grey.astype(np.int32)), "TIFF"),
            "whole numbers .I;32S. that have no agreed white",
        ),
        (tiff(halves * 3, kind=3), r"its floating-point values are not all in \[0, 1\]"),
        (tiff(halves - 1, kind=3), r"its floating-point values are not all in \[0, 1\]"),
        (
            tiff(halves * np.float32("nan"), kind=3),
            r"its floating-point values are not all in \[0, 1\]",
        ),
        (png16(numbers[..., :2], 4), "it holds colours as LA;16B, which are not decoded"),
        (
            b"P6 4 4 65535\n" + numbers[..., :3].astype(">u2").tobytes(),
            "it holds colours as RGB up to 65535",
        ),
    ):
        with pytest.raises(ValueError, match=f"cannot be decoded, x .*{match}"):
            shown(content)
