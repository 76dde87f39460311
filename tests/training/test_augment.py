import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wordline.training.augment import augment


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(n: int, side: int) -> torch.Tensor:
    """Every pixel of an image has its own value, so a shifted pixel tells where it comes from."""
    return (
        torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side).repeat(n, 1, 1, 1)
        / side**2
    )


@settings(max_examples=40)
@given(
    n=st.integers(1, 6),
    side=st.integers(3, 9),
    crop=st.integers(0, 2),
    flip=st.booleans(),
    seed=st.integers(0, 99),
)
def test_shapes_stay_and_no_pixel_value_is_new(
    n: int, side: int, crop: int, flip: bool, seed: int
) -> None:
    images = ramp(n, side)
    out = augment(images, crop, flip, generator=stream(seed))
    assert out.shape == images.shape and out.dtype == images.dtype
    assert set(out.unique().tolist()) <= set(images.unique().tolist())
    assert torch.equal(out, augment(images, crop, flip, generator=stream(seed)))


@settings(max_examples=30)
@given(side=st.integers(4, 9), crop=st.integers(1, 3), seed=st.integers(0, 99))
def test_a_crop_is_a_shift_over_reflected_borders(side: int, crop: int, seed: int) -> None:
    image = ramp(1, side)
    out = augment(image, crop, False, generator=stream(seed))
    padded = torch.nn.functional.pad(image, (crop,) * 4, mode="reflect")
    windows = [
        padded[:, :, i : i + side, j : j + side]
        for i in range(2 * crop + 1)
        for j in range(2 * crop + 1)
    ]
    assert any(torch.equal(out, window) for window in windows)


def test_flips_mirror_about_half_of_the_images() -> None:
    images = ramp(2000, 3)
    out = augment(images, 0, True, generator=stream())
    mirrored = (out == images.flip(3)).flatten(1).all(1)
    assert torch.equal(out[~mirrored], images[~mirrored])
    assert abs(mirrored.float().mean() - 0.5) < 4 * 0.5 / 2000**0.5


def test_all_shifts_are_equally_likely() -> None:
    out = augment(ramp(9000, 5), 1, False, generator=stream())
    _, counts = out[:, 0, 2, 2].unique(return_counts=True)
    assert len(counts) == 9
    assert ((counts - 1000).abs() < 5 * (1000 * 8 / 9) ** 0.5).all()


def test_images_without_augmentation_are_untouched(no_global_draws: None) -> None:
    images = ramp(3, 4)
    assert torch.equal(augment(images, 0, False, generator=stream()), images)
    augment(images, 2, True, generator=stream())


def test_uint_images_are_refused_by_the_shape_check() -> None:
    with pytest.raises(Exception, match="images"):
        augment(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), 0, False, generator=stream())


@pytest.mark.parametrize("crop", [-1, 4])
def test_a_crop_that_no_reflection_can_fill(crop: int) -> None:
    with pytest.raises(ValueError, match="`crop` must be from 0 to 3 for 4 x 6 images"):
        augment(torch.rand(1, 1, 4, 6), crop, False, generator=stream())
