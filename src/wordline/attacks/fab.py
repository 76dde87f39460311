"""The nearest class border instead of the highest loss.

Run by its authors' code (`pip install wordline[autoattack]`) on a deterministic model. Images that it does not break
come back unchanged, so it judges the model it attacks; as a source for transfer take PGD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.guard import PACKAGE_NORMS, classes_of, require_library, visit
from wordline.attacks.norms import NORMS, Norm, require_radius
from wordline.attacks.objective import Model
from wordline.typing import Images, Labels
from wordline.values import require_choice, require_instance, require_integer


@final
@dataclass(frozen=True)
class FAB(AbstractAttack):
    """The smallest change to the nearest class border, accepted where it is within eps (FAB-T; FAB if not `targeted`).

    `targeted` goes to each of up to nine likeliest wrong classes and costs one gradient a step; untargeted costs one
    for every class. Croce & Hein 2020 (arXiv 1907.02044).
    """

    eps: float
    steps: int = 100
    restarts: int = 1
    targeted: bool = True
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        require_integer("steps", self.steps, at_least=1)
        require_integer("restarts", self.restarts, at_least=1)
        require_instance("targeted", self.targeted, bool)
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The package's run, guarded."""
        package = require_library("pyautoattack.fab_pt", "wordline[autoattack]", "FAB")
        targets = min(9, classes_of(model, images) - 1)

        def run(callee: Model, clean: Images, seed: int) -> Tensor:
            return package.FABAttack_PT(
                callee,
                n_iter=self.steps,
                n_restarts=self.restarts,
                eps=self.eps,
                norm=PACKAGE_NORMS[self.norm],
                seed=seed,
                targeted=self.targeted,
                n_target_classes=targets,
                device=clean.device,
            ).perturb(clean, labels)

        return visit("FAB", model, images, self.eps, self.norm, generator, run)
