import dataclasses

import pytest
import torch

from wordline.datasets import ImageSplit, to_float


def split(n: int = 4) -> ImageSplit:
    return ImageSplit(torch.arange(n * 12, dtype=torch.uint8).reshape(n, 3, 2, 2), torch.arange(n))


def test_items_are_floats_in_the_unit_interval_and_whole_labels() -> None:
    image, label = split()[3]
    assert image.dtype == torch.float32 and label == 3
    assert torch.equal(image, torch.arange(36, 48).reshape(3, 2, 2) / 255)


def test_floating_point_images_keep_their_precision() -> None:
    images = torch.rand(2, 1, 2, 2, dtype=torch.float64)
    assert to_float(images) is images


def test_take_is_the_same_for_everyone() -> None:
    assert torch.equal(split().take(2).images, split().images[:2])
    assert len(split().take(99)) == 4


def test_a_swapped_field_changes_the_fingerprint_and_only_then() -> None:
    assert split().fingerprint() == split().fingerprint()
    assert (
        dataclasses.replace(split(), labels=torch.zeros(4, dtype=torch.int64)).fingerprint()
        != split().fingerprint()
    )
    assert (
        dataclasses.replace(split(), images=split().images + 1).fingerprint()
        != split().fingerprint()
    )


def test_a_split_works_with_a_data_loader() -> None:
    images, labels = next(iter(torch.utils.data.DataLoader(split(), batch_size=4)))
    assert images.shape == (4, 3, 2, 2) and labels.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("images", "labels", "error", "match"),
    [
        (torch.rand(3, 2, 2), torch.arange(3), ValueError, r"`images` must be \(N, C, H, W\)"),
        (
            torch.zeros(3, 1, 2, 2, dtype=torch.int64),
            torch.arange(3),
            TypeError,
            "`images` must be uint8 or floating",
        ),
        (
            torch.rand(3, 1, 2, 2),
            torch.arange(2),
            ValueError,
            r"`labels` must be int64 of shape \(3,\)",
        ),
        (torch.rand(3, 1, 2, 2), torch.rand(3), ValueError, "`labels` must be int64"),
        (torch.rand(0, 1, 2, 2), torch.arange(0), ValueError, "`images` is empty"),
    ],
)
def test_bad_splits(
    images: torch.Tensor, labels: torch.Tensor, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        ImageSplit(images, labels)
