"""Robust accuracy while training: in the network's precision, and NaN is wrong."""

import pytest
import torch
from torch import Tensor, nn

from wordline.datasets import ImageSplit
from wordline.defenses.validation import robust_accuracy


class Bright(nn.Module):
    """Class 1 where the mean pixel exceeds one half; NaN logits without gradients, if `spoilt`."""

    def __init__(self, dtype: torch.dtype, *, spoilt: bool = False) -> None:
        super().__init__()
        self.scale, self.spoilt = nn.Parameter(torch.ones(1, dtype=dtype)), spoilt

    def forward(self, images: Tensor) -> Tensor:
        if images.dtype != self.scale.dtype:
            raise RuntimeError(f"expected {self.scale.dtype}, got {images.dtype}")
        score = self.scale * (images.flatten(1).mean(1) - 0.5)
        logits = torch.stack((-score, score), 1)
        return logits * torch.nan if self.spoilt and not torch.is_grad_enabled() else logits


LEVEL = torch.linspace(0.305, 0.695, 40)
IMAGES, LABELS = LEVEL.view(-1, 1, 1, 1).expand(40, 1, 2, 2), (LEVEL > 0.5).long()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_share_beyond_eps_in_every_precision(dtype: torch.dtype) -> None:
    expected = float(((LEVEL - 0.5).abs() > 0.1).double().mean())
    split = ImageSplit(IMAGES.clone(), LABELS)
    assert robust_accuracy(Bright(dtype).eval(), split, eps=0.1) == pytest.approx(expected)


def test_nan_logits_are_wrong() -> None:
    split = ImageSplit(IMAGES[:5].clone(), LABELS[:5])  # of class 0, which argmax makes of NaN
    assert robust_accuracy(Bright(torch.float32, spoilt=True).eval(), split, eps=0.01) == 0.0
