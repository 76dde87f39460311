"""Batch loops: images where the network is, one stream of random numbers a batch."""

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.models.batches import (
    batches,
    correct,
    craft,
    device_of,
    dtype_of,
    hits,
    predict,
    prepare,
)

IMAGES = torch.rand(7, 1, 2, 2, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(7) % 4


class Precise(nn.Module):
    """Pixels as logits; images of another precision than the network's own are refused."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("steps", torch.tensor(3))  # no floating-point number
        self.weight = nn.Parameter(torch.eye(4, dtype=dtype))
        self.sizes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        if images.dtype != self.weight.dtype:
            raise RuntimeError(f"expected {self.weight.dtype}, got {images.dtype}")
        self.sizes.append(len(images))
        return images.flatten(1) @ self.weight


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float32])
def test_every_loop_takes_the_networks_precision(dtype: torch.dtype) -> None:
    model = Precise(dtype).eval()
    assert (device_of(model), dtype_of(model)) == (torch.device("cpu"), dtype)
    logits = predict(model, IMAGES, batch_size=3)
    assert logits.dtype == dtype and model.sizes == [3, 3, 1]
    right = correct(model, IMAGES, LABELS, batch_size=3)
    assert torch.equal(right, IMAGES.to(dtype).flatten(1).argmax(1) == LABELS)
    attack = wl.FGSM(eps=0.1)
    crafted = craft(
        model, attack, IMAGES, LABELS, batch_size=3, generator=lambda start: torch.Generator()
    )
    found = torch.cat([adversarial for _, adversarial in crafted])
    assert found.dtype == dtype and found.shape == IMAGES.shape
    assert torch.equal(found, attack(model, IMAGES.to(dtype), LABELS))


def test_bytes_become_shares_and_a_network_without_numbers_is_on_the_cpu() -> None:
    bare = nn.Flatten()
    assert (device_of(bare), dtype_of(bare)) == (torch.device("cpu"), torch.float32)
    assert prepare(bare, torch.tensor([[0, 51, 255]], dtype=torch.uint8)).tolist() == [
        pytest.approx([0.0, 0.2, 1.0])
    ]
    starts = [batch.start for batch in batches(bare, IMAGES, LABELS, 3)]
    assert starts == [0, 3, 6]


def test_no_images_have_no_answers_and_nan_is_none() -> None:
    assert correct(nn.Flatten(), IMAGES[:0], LABELS[:0], batch_size=3).shape == (0,)
    logits = torch.tensor([[torch.nan, 0.0], [1.0, 0.0], [1.0, torch.inf]])
    assert hits(logits, torch.tensor([0, 0, 1])).tolist() == [False, True, False]


def test_the_generator_is_asked_just_before_each_batch() -> None:
    order: list[object] = []

    def attack(model, images, labels, *, generator):
        order.append(("attack", len(images)))
        return images

    def generator(start: int) -> torch.Generator:
        order.append(start)
        return torch.Generator()

    for batch, _ in craft(nn.Flatten(), attack, IMAGES, LABELS, batch_size=4, generator=generator):
        order.append(("taken", batch.start))
    assert order == [0, ("attack", 4), ("taken", 0), 4, ("attack", 3), ("taken", 4)]
