"""Random squares of colour.

Run by its authors' code (`pip install wordline[autoattack]`) on a deterministic model. Images that it does not break
come back unchanged, so it judges the model it attacks; as a source for transfer take PGD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.guard import PACKAGE_NORMS, require_library, require_pictures, visit
from wordline.attacks.norms import NORMS, Norm, require_radius
from wordline.attacks.objective import Model
from wordline.typing import Images, Labels
from wordline.values import require_choice, require_integer


@final
@dataclass(frozen=True)
class Square(AbstractAttack):
    """Random squares of colour, kept where the margin falls: asks for logits only, never for a gradient.

    Images (n, channels, height, width); for `l2` at least five pixels high. Andriushchenko et al. 2020
    (arXiv 1912.00049).
    """

    eps: float
    queries: int = 5000
    restarts: int = 1
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        require_integer("queries", self.queries, at_least=1)
        require_integer("restarts", self.restarts, at_least=1)
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The package's run, guarded."""
        package = require_library("pyautoattack.square", "wordline[autoattack]", "Square")
        require_pictures(images, self.norm, "Square")

        def run(callee: Model, clean: Images, seed: int) -> Tensor:
            return package.SquareAttack(
                callee,
                n_queries=self.queries,
                n_restarts=self.restarts,
                eps=self.eps,
                norm=PACKAGE_NORMS[self.norm],
                seed=seed,
                resc_schedule=False,  # as AutoAttack runs it
                device=clean.device,
            ).perturb(clean, labels)

        return visit("Square", model, images, self.eps, self.norm, generator, run)
