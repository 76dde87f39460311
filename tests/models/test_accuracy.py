import pytest
import torch
from torch import Tensor, nn

from wordline.datasets import ImageSplit
from wordline.models import accuracy, correct


def test_the_share_of_right_answers_over_several_batches() -> None:
    images = torch.eye(4).reshape(4, 1, 2, 2).to(torch.uint8) * 255
    split = ImageSplit(images, torch.tensor([0, 1, 2, 0]))
    assert accuracy(nn.Flatten().eval(), split, batch_size=3) == 0.75
    assert accuracy(nn.Flatten().eval(), [(image, int(label)) for image, label in split]) == 0.75


def test_a_network_in_training_mode(tiny_cnn: nn.Module) -> None:
    with pytest.raises(ValueError, match="`model` is in training mode; call model.eval"):
        accuracy(tiny_cnn.train(), ImageSplit(torch.rand(2, 2, 6, 6), torch.arange(2)))


class Spoilt(nn.Module):
    """Answers the pixels, and `value` for the first class of bright images."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, images: Tensor) -> Tensor:
        logits = images.flatten(1).clone()
        logits[logits.sum(1) > 1, 0] = self.value
        return logits


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_not_finite_are_wrong(value: float) -> None:
    """argmax takes NaN for the largest, which would make label 0 right."""
    images = torch.tensor([[0.9, 0.0], [0.9, 0.8], [0.0, 0.9], [0.8, 0.9]]).reshape(4, 1, 1, 2)
    split = ImageSplit(images, torch.tensor([0, 0, 1, 1]))
    model = Spoilt(value).eval()
    assert accuracy(model, split) == 0.5
    found = correct(model, split.images, split.labels, batch_size=3)
    assert found.tolist() == [True, False, True, False]


class Precise(nn.Module):
    """Refuses images of another precision than its own."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(4, dtype=dtype))

    def forward(self, images: Tensor) -> Tensor:
        if images.dtype != self.weight.dtype:
            raise RuntimeError(f"expected {self.weight.dtype}, got {images.dtype}")
        return images.flatten(1) @ self.weight


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16, torch.float32])
def test_networks_run_in_their_own_precision(dtype: torch.dtype) -> None:
    split = ImageSplit(torch.eye(4).reshape(4, 1, 2, 2), torch.tensor([0, 1, 2, 0]))
    assert accuracy(Precise(dtype).eval(), split) == 0.75


def test_double_precision_tells_apart_what_single_does_not() -> None:
    images = torch.tensor([0.5, 0.5 + 1e-12], dtype=torch.float64).reshape(1, 1, 1, 2)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).double().eval()
    nn.init.eye_(model[1].weight)
    assert accuracy(model, ImageSplit(images, torch.tensor([1]))) == 1.0
