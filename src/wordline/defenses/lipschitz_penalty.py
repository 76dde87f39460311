"""A penalty on layers that amplify noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit
from ..training import AbstractObjective, CrossEntropy
from ..typing import Images, Labels
from ..values import require_instance, require_number


@final
@dataclass(frozen=True)
class LipschitzPenalty(AbstractObjective):
    """base + weight/2 sum_l ||W_l^T W_l - I||^2, for matrices near isometries.

    Noise then does not grow layer by layer. W_l is every parameter of two or more dimensions as a
    matrix (outputs, inputs); a convolution's inputs are its channels times its window. Judged as
    `base` is. Defensive Quantization, Lin et al. 2019 (arXiv 1904.08444).

    >>> model = nn.Linear(3, 3)
    >>> with torch.no_grad(): _ = model.weight.copy_(2 * torch.eye(3))
    >>> orthogonality(model)  # three times (4 - 1)^2
    tensor(27., grad_fn=<AddBackward0>)
    """

    base: AbstractObjective = field(default_factory=CrossEntropy)
    weight: float = 1e-4

    def __post_init__(self) -> None:
        require_instance("base", self.base, AbstractObjective)
        require_number("weight", self.weight, at_least=0.0)

    def loss(
        self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Tensor:
        return self.base.loss(
            model, images, labels, generator=generator
        ) + self.weight / 2 * orthogonality(model)

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        return self.base.score(model, split)


def orthogonality(model: nn.Module) -> Tensor:
    """Compute sum_l ||W_l^T W_l - I||^2 over the matrices of a network.

    By the smaller product: ||W^T W - I_n||^2 = ||W W^T - I_m||^2 + n - m for an m x n matrix.
    """
    total = torch.zeros(())
    for parameter in model.parameters():
        if parameter.ndim > 1:
            matrix = parameter.flatten(1)
            m, n = matrix.shape
            small = matrix @ matrix.T if m <= n else matrix.T @ matrix
            excess = small - torch.eye(len(small), dtype=small.dtype, device=small.device)
            total = total.to(small) + excess.square().sum() + max(n - m, 0)
    return total
