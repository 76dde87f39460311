"""The four parameter-free attacks, one after the other.

Run by its authors' code (`pip install wordline[autoattack]`) on a deterministic model. Images that it does not break
come back unchanged, so it judges the model it attacks; as a source for transfer take PGD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.guard import (
    PACKAGE_NORMS,
    require_classes,
    require_library,
    require_pictures,
    untraced,
    visit,
)
from wordline.attacks.norms import NORMS, Norm, require_radius
from wordline.attacks.objective import Model
from wordline.typing import Images, Labels
from wordline.values import require_choice

Version = Literal["standard", "plus"]


@final
@dataclass(frozen=True)
class AutoAttack(AbstractAttack):
    """APGD-CE, APGD-T, FAB-T and Square one after the other, each on the images still standing (`standard`).

    `plus` adds APGD-DLR and untargeted FAB, with restarts. The package's `rand` is not offered: the accuracy it claims
    for a stochastic model is wrong. With fewer than ten classes the targeted attacks visit all wrong ones, where the
    package would fail; below four there is no targeted DLR, and this is refused. The seed of a fresh `generator` is
    the package's `seed`, so a run by hand gives the same images. Croce & Hein 2020 (arXiv 2003.01690).
    """

    eps: float
    norm: Norm = "linf"
    version: Version = "standard"

    def __post_init__(self) -> None:
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)
        require_choice("version", self.version, ("standard", "plus"))

    def perturb(self, model: Model, images: Images, labels: Labels, generator: torch.Generator) -> Images:
        """The package's run, guarded."""
        package = require_library("pyautoattack", "wordline[autoattack]", "AutoAttack")
        require_pictures(images, self.norm, "AutoAttack")
        classes = require_classes(model, images, 4, "targeted-dlr")

        def run(callee: Model, clean: Images, seed: int) -> Tensor:
            attack = package.AutoAttack(
                callee,
                eps=self.eps,
                norm=PACKAGE_NORMS[self.norm],
                seed=seed,
                version=self.version,
                device=clean.device,
            )
            attack.fab.n_target_classes = attack.apgd_targeted.n_target_classes = min(9, classes - 1)
            return untraced(package.AutoAttack.run_standard_evaluation)(attack, clean, labels)[0]

        return visit("AutoAttack", model, images, self.eps, self.norm, generator, run)
