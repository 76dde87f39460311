"""APGD, FAB, Square and AutoAttack, run by their authors' code.

They need `pip install wordline[autoattack]` and a deterministic model. Images that they do not
break come back unchanged, so they judge the model they attack; as a source for transfer take PGD.
Each class here is a row of one table: the package's class, what it needs, and its options.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import torch
from torch import Tensor

from ..typing import Images, Labels
from ..values import require_choice, require_instance, require_integer
from .attack import AbstractAttack
from .library_adapter import (
    PACKAGE_LOG,
    PACKAGE_NORMS,
    require_classes,
    require_library,
    require_pictures,
    run_external,
    untraced,
)
from .norms import NORMS, Norm, require_radius
from .objective import Model
from .remembered import Remembered

APGDLoss = Literal["cross-entropy", "dlr", "targeted-dlr"]
Version = Literal["standard", "plus"]


class AbstractPackageAttack(AbstractAttack):
    """An attack of the package `pyautoattack`."""

    _module: ClassVar[str]
    _takes_pictures: ClassVar[bool] = False  # needs images (n, channels, height, width)

    def _checked(self) -> None:
        require_choice("norm", self.norm, NORMS)
        require_radius("eps", self.eps, self.norm)

    def _needs(self) -> tuple[int, str]:
        """Return the fewest classes and the loss that needs them; 0 to count none."""
        return 0, ""

    @abstractmethod
    def _options(self, targets: int) -> tuple[str, dict[str, Any]]:
        """Return the package's class and its options; `targets`: wrong classes, up to 9."""

    def _run(self, attack: Any, targets: int, clean: Images, labels: Labels) -> Tensor:
        return attack.perturb(clean, labels)

    def _asked(self, model: Model) -> Model:
        """Return the model as the package asks it."""
        return model

    def perturb(
        self, model: Model, images: Images, labels: Labels, generator: torch.Generator
    ) -> Images:
        name = type(self).__name__
        package = require_library(self._module, "wordline[autoattack]", name)
        if self._takes_pictures:
            require_pictures(images, self.norm, name)
        least, loss = self._needs()
        targets = min(9, require_classes(model, images, least, loss) - 1) if least else 0

        def run(callee: Model, clean: Images, seed: int) -> Tensor:
            kind, options = self._options(targets)
            norm = PACKAGE_NORMS[self.norm]
            attack = getattr(package, kind)(
                self._asked(callee),
                eps=self.eps,
                norm=norm,
                seed=seed,
                device=clean.device,
                **options,
            )
            return self._run(attack, targets, clean, labels)

        return run_external(name, model, images, self.eps, self.norm, generator, run)


@final
@dataclass(frozen=True)
class APGD(AbstractPackageAttack):
    """PGD that halves its own step where the loss no longer grows (APGD-CE, APGD-DLR, APGD-T).

    `loss="targeted-dlr"` is APGD-T: one run for each of up to nine likeliest wrong classes; it
    needs four classes, `"dlr"` three. Croce & Hein 2020 (arXiv 2003.01690).
    """

    eps: float
    steps: int = 100
    loss: APGDLoss = "cross-entropy"
    restarts: int = 1
    norm: Norm = "linf"

    _module: ClassVar[str] = "pyautoattack.autopgd_base"

    def __post_init__(self) -> None:
        require_integer("steps", self.steps, at_least=1)
        require_choice("loss", self.loss, ("cross-entropy", "dlr", "targeted-dlr"))
        require_integer("restarts", self.restarts, at_least=1)
        self._checked()

    def _needs(self) -> tuple[int, str]:
        return {"cross-entropy": 2, "dlr": 3, "targeted-dlr": 4}[self.loss], self.loss

    def _options(self, targets: int) -> tuple[str, dict[str, Any]]:
        common = {"n_iter": self.steps, "n_restarts": self.restarts, "logger": PACKAGE_LOG}
        if self.loss == "targeted-dlr":
            return "APGDAttack_targeted", {"n_target_classes": targets, **common}
        return "APGDAttack", {"loss": {"cross-entropy": "ce", "dlr": "dlr"}[self.loss], **common}


@final
@dataclass(frozen=True)
class FAB(AbstractPackageAttack):
    """The smallest change to the nearest class border, accepted where it is within eps.

    `targeted` (FAB-T) goes to each of up to nine likeliest wrong classes and costs one gradient a
    step; untargeted costs one for every class. Croce & Hein 2020 (arXiv 1907.02044).
    """

    eps: float
    steps: int = 100
    restarts: int = 1
    targeted: bool = True
    norm: Norm = "linf"

    _module: ClassVar[str] = "pyautoattack.fab_pt"

    def __post_init__(self) -> None:
        require_integer("steps", self.steps, at_least=1)
        require_integer("restarts", self.restarts, at_least=1)
        require_instance("targeted", self.targeted, bool)
        self._checked()

    def _needs(self) -> tuple[int, str]:
        return 2, "FAB"

    def _options(self, targets: int) -> tuple[str, dict[str, Any]]:
        return "FABAttack_PT", {
            "n_iter": self.steps,
            "n_restarts": self.restarts,
            "targeted": self.targeted,
            "n_target_classes": targets,
        }


@final
@dataclass(frozen=True)
class Square(AbstractPackageAttack):
    """Random squares of colour, kept where the margin falls: asks for logits, never for a gradient.

    Images (n, channels, height, width); for `l2` at least five pixels high. Andriushchenko et al.
    2020 (arXiv 1912.00049).
    """

    eps: float
    queries: int = 5000
    restarts: int = 1
    norm: Norm = "linf"

    _module: ClassVar[str] = "pyautoattack.square"
    _takes_pictures: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_integer("queries", self.queries, at_least=1)
        require_integer("restarts", self.restarts, at_least=1)
        self._checked()

    def _options(self, targets: int) -> tuple[str, dict[str, Any]]:
        return "SquareAttack", {
            "n_queries": self.queries,
            "n_restarts": self.restarts,
            "resc_schedule": False,  # as AutoAttack runs it
        }

    def _asked(self, model: Model) -> Model:
        # in linf most squares lead back to the best image so far, or to one refused before
        return Remembered(model) if self.norm == "linf" else model


@final
@dataclass(frozen=True)
class AutoAttack(AbstractPackageAttack):
    """APGD-CE, APGD-T, FAB-T and Square in turn, each on the images not yet broken (`standard`).

    `plus` adds APGD-DLR and untargeted FAB, with restarts. The package's `rand` is not offered: the
    accuracy it claims for a stochastic model is wrong. With fewer than ten classes the targeted
    attacks visit all wrong ones, where the package would fail; below four there is no targeted DLR,
    and this is refused. The seed of a fresh `generator` is the package's `seed`, so a run by hand
    gives the same images. Croce & Hein 2020 (arXiv 2003.01690).
    """

    eps: float
    norm: Norm = "linf"
    version: Version = "standard"

    _module: ClassVar[str] = "pyautoattack"
    _takes_pictures: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._checked()
        require_choice("version", self.version, ("standard", "plus"))

    def _needs(self) -> tuple[int, str]:
        return 4, "targeted-dlr"

    def _options(self, targets: int) -> tuple[str, dict[str, Any]]:
        return "AutoAttack", {"version": self.version}

    def _run(self, attack: Any, targets: int, clean: Images, labels: Labels) -> Tensor:
        attack.fab.n_target_classes = attack.apgd_targeted.n_target_classes = targets
        return untraced(type(attack).run_standard_evaluation)(attack, clean, labels)[0]
