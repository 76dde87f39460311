"""An attack that sees the predicted class alone, run by foolbox."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, final

import torch
from torch import Tensor, nn

from ..typing import Images, Labels
from ..values import require_choice, require_integer
from .attack import AbstractAttack
from .library_adapter import require_library, run_external
from .norms import NORMS, Norm, per_sample, require_radius
from .objective import Model

_NOISE_DRAWS = 200  # random images tried as a start


@final
@dataclass(frozen=True)
class HopSkipJump(AbstractAttack):
    """A walk along the class border towards the image, which asks only for labels.

    It starts from a misclassified image: uniform noise, or another image of the batch. Where
    neither exists, or where the border stays farther away than eps, the image comes back as near to
    the border as eps allows. `evaluations` is the number of queries of the first direction
    estimate; it grows with the root of the step. Deterministic models only. Needs `pip install
    foolbox`. Chen, Jordan & Wainwright 2020 (arXiv 1904.02144).
    """

    eps: float
    norm: Norm = "linf"
    steps: int = 20
    evaluations: int = 100

    def __post_init__(self) -> None:
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)
        require_integer("steps", self.steps, at_least=1)
        require_integer("evaluations", self.evaluations, at_least=1)

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        foolbox = require_library("foolbox", "foolbox", "HopSkipJump")

        def run(callee: Model, clean: Images, seed: int) -> Tensor:
            # `run_external` has seeded the global generators, from which foolbox draws
            starts, found = _starts(callee, clean, labels)
            able = found & (callee(clean).argmax(1) == labels)
            if not able.any():
                return clean
            attack = _per_sample(foolbox)(
                steps=self.steps, initial_gradient_eval_steps=self.evaluations, constraint=self.norm
            )
            wrapped = foolbox.PyTorchModel(_Callee(callee), bounds=(0, 1), device=clean.device)
            criterion = foolbox.Misclassification(labels[able])
            moved = attack.run(wrapped, clean[able], criterion, starting_points=starts[able])
            result = clean.clone()
            result[able] = moved.clamp(0, 1)
            return result

        return run_external("HopSkipJump", model, images, self.eps, self.norm, generator, run)


class _Callee(nn.Module):
    """A module in eval mode for foolbox; the user's own stays behind the function."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self._model(images)


def _starts(model: Model, images: Images, labels: Labels) -> tuple[Images, Tensor]:
    """Look for a misclassified image for every sample; also tell for which there is one."""
    starts, found = images.clone(), torch.zeros_like(labels, dtype=torch.bool)
    noise = (torch.rand_like(images) for _ in range(_NOISE_DRAWS))
    neighbours = (images.roll(shift, 0) for shift in range(1, len(images)))
    for candidate in chain(noise, neighbours):
        fits = ~found & (model(candidate).argmax(1) != labels)
        starts[fits] = candidate[fits]
        found |= fits
        if found.all():
            break
    return starts, found


def _per_sample(foolbox: Any) -> Any:
    """Make foolbox's attack divide each estimated direction by its own norm.

    foolbox 3.3.4 divides by the norm of the whole batch, so that a large batch takes short steps.
    """

    class HopSkipJumpPerSample(foolbox.attacks.HopSkipJumpAttack):
        def approximate_gradients(self, *arguments: Any) -> Any:
            estimated = super().approximate_gradients(*arguments)
            length = torch.linalg.vector_norm(estimated.raw.flatten(1), dim=1)
            return type(estimated)(estimated.raw / (per_sample(length, estimated.raw) + 1e-12))

    return HopSkipJumpPerSample
