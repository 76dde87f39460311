import pytest
import torch
from PIL import Image

from wordline.zoo.pictures import decode

from .conftest import flat, pixels_of, png


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P"])
def test_every_kind_of_picture_becomes_rgb(mode: str) -> None:
    picture = flat(100, 5, mode)
    out = decode([("a", png(picture))], 1, 5)
    assert out.dtype == torch.uint8 and out.is_contiguous()
    assert torch.equal(out[0], pixels_of(picture))


def test_pictures_of_another_size_are_resampled() -> None:
    out = decode([("a", png(flat(100, 9))), ("b", png(Image.new("RGB", (3, 7))))], 2, 4)
    assert out.shape == (2, 3, 4, 4)
    assert torch.equal(out[0, :, 0, 0], torch.tensor([100, 0, 155], dtype=torch.uint8))


@pytest.mark.parametrize("content", [b"", b"no picture", png(flat(3))[:60]])
def test_a_corrupt_picture_is_named(content: bytes) -> None:
    with pytest.raises(ValueError, match="`root` holds a picture that cannot be decoded, row 7 .*; replace it"):
        decode([("row 6", png(flat(1))), ("row 7", content)], 2, 32)
