"""A network of two matrices, images for it, and the figures of a pair of such networks."""

import torch
from torch import Tensor, nn

import wordline as wl
from wordline.datasets import ImageSplit

G = torch.Generator().manual_seed(5)
A1, A2, N1, N2 = (
    torch.randn(o, i, generator=G, dtype=torch.float64) for o, i in ((6, 4), (3, 6), (6, 4), (3, 6))
)
X = torch.rand(5, 1, 2, 2, generator=G, dtype=torch.float64)
SPLIT = ImageSplit(X, torch.zeros(5, dtype=torch.int64), "greys")


class Two(nn.Module):
    """Two matrices, with an activation or none between them."""

    def __init__(self, first: Tensor, second: Tensor, between: nn.Module | None = None) -> None:
        super().__init__()
        self.first = nn.Linear(first.shape[1], first.shape[0], bias=False, dtype=first.dtype)
        self.second = nn.Linear(second.shape[1], second.shape[0], bias=False, dtype=second.dtype)
        self.first.weight.data, self.second.weight.data = first.clone(), second.clone()
        self.between = between or nn.Identity()
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.between(self.first(images.flatten(1))))


def stability(software: nn.Module, chip: nn.Module, **changes: object) -> wl.NoiseStability:
    arguments = {"software": software, "chip": chip, "data": SPLIT}
    return wl.noise_stability(**{**arguments, **changes})


def squares(values: Tensor) -> Tensor:
    return (values * values).sum(1)
