"""Accuracy and robustness, traded for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..attacks.ascent import ascend
from ..attacks.norms import LinfBall, require_radius
from ..attacks.objective import Objective
from ..datasets import ImageSplit
from ..training import AbstractObjective
from ..typing import Images, Labels, Logits, PerSample
from ..values import require_integer, require_number
from .validation import robust_accuracy

START: Final = 0.001  # as in the authors' code: at the clean image the divergence has no slope


@final
@dataclass(frozen=True)
class TRADES(AbstractObjective):
    """cross-entropy(f(x), y) + beta max_{|d| <= eps} KL(f(x) || f(x + d)).

    The inner maximum by `steps` sign steps of `step_size` from x + 0.001 normal, crafted in
    evaluation mode as the authors' code does; the last image is kept. A step costs one pass forward
    and backward for each step of the attack, one forward for the clean logits, and the two passes
    that the weights learn from.

    Source: Zhang et al. 2019 (arXiv 1901.08573), beta = 6 for CIFAR-10.

    >>> TRADES(eps=8 / 255).beta
    6.0
    """

    eps: float
    steps: int = 10
    step_size: float = 2 / 255
    beta: float = 6.0

    def __post_init__(self) -> None:
        require_radius("eps", self.eps, above=0.0)
        require_integer("steps", self.steps, at_least=1)
        require_radius("step_size", self.step_size, above=0.0)
        require_number("beta", self.beta, at_least=0.0)

    def loss(
        self, model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Tensor:
        adversarial = self._craft(model, images, generator)
        logits = model(images)
        apart = divergence(model(adversarial), logits.softmax(1)).mean()
        return functional.cross_entropy(logits, labels) + self.beta * apart

    def score(self, model: nn.Module, split: ImageSplit) -> float:
        return robust_accuracy(model, split, self.eps)

    def _craft(self, model: nn.Module, images: Images, generator: torch.Generator) -> Images:
        with torch.no_grad(), _evaluating(model):
            normal = torch.randn(images.shape, generator=generator, dtype=images.dtype).to(
                images.device
            )
            objective = Objective(model, divergence, (model(images).softmax(1),))
            start, ball = images + START * normal, LinfBall(images, self.eps)
            return ascend(
                objective,
                ball,
                start,
                steps=self.steps,
                step_size=self.step_size,
                keep="last",
                judge=False,
            ).images


def divergence(logits: Logits, clean: Logits) -> PerSample:
    """Compute KL(clean || softmax(logits)) of each sample, `clean` being probabilities.

    >>> divergence(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))  # log 2
    tensor([0.6931])
    """
    return functional.kl_div(logits.log_softmax(1), clean, reduction="none").sum(1)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode; afterwards each module has its own again, for some may be frozen."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
