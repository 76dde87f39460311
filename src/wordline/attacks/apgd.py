"""PGD without a step size to choose.

Run by its authors' code (`pip install wordline[autoattack]`) on a deterministic model. Images that it does not break
come back unchanged, so it judges the model it attacks; as a source for transfer take PGD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.guard import (
    PACKAGE_LOG,
    PACKAGE_NORMS,
    require_classes,
    require_library,
    visit,
)
from wordline.attacks.norms import NORMS, Norm, require_radius
from wordline.attacks.objective import Model
from wordline.typing import Images, Labels
from wordline.values import require_choice, require_integer

APGDLoss = Literal["cross-entropy", "dlr", "targeted-dlr"]


@final
@dataclass(frozen=True)
class APGD(AbstractAttack):
    """PGD that halves its own step where the loss no longer grows (APGD-CE, APGD-DLR, APGD-T).

    `loss="targeted-dlr"` is APGD-T: one run for each of up to nine likeliest wrong classes; it needs four classes,
    `"dlr"` three. Croce & Hein 2020 (arXiv 2003.01690).
    """

    eps: float
    steps: int = 100
    loss: APGDLoss = "cross-entropy"
    restarts: int = 1
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        require_integer("steps", self.steps, at_least=1)
        require_choice("loss", self.loss, ("cross-entropy", "dlr", "targeted-dlr"))
        require_integer("restarts", self.restarts, at_least=1)
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The package's run, guarded."""
        package = require_library("pyautoattack.autopgd_base", "wordline[autoattack]", "APGD")
        needed = {"cross-entropy": 2, "dlr": 3, "targeted-dlr": 4}[self.loss]
        classes = require_classes(model, images, needed, self.loss)

        def run(callee: Model, clean: Images, seed: int) -> Tensor:
            common: dict[str, Any] = {
                "n_iter": self.steps,
                "n_restarts": self.restarts,
                "eps": self.eps,
                "norm": PACKAGE_NORMS[self.norm],
                "seed": seed,
                "device": clean.device,
                "logger": PACKAGE_LOG,
            }
            if self.loss == "targeted-dlr":
                targets = min(9, classes - 1)
                return package.APGDAttack_targeted(callee, n_target_classes=targets, **common).perturb(clean, labels)
            loss = {"cross-entropy": "ce", "dlr": "dlr"}[self.loss]
            return package.APGDAttack(callee, loss=loss, **common).perturb(clean, labels)

        return visit("APGD", model, images, self.eps, self.norm, generator, run)
