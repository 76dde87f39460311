"""What the studies of arXiv 2109.09060 share: vanilla and adversarially trained networks, and their crossbars."""

from __future__ import annotations

from dataclasses import replace

from ..defenses import AdversarialTraining, training_attack
from ..mapping import Crossbar, LeastSquaresGain, UnitGain
from ..records import fraction
from ..zoo import CrossEntropy, Recipe
from .defended import Called
from .ingredients import Trained

NETWORKS = (
    ("resnet10", "cifar10"), ("resnet10-w4", "cifar10"), ("resnet20", "cifar100"), ("resnet20-w4", "cifar100"),
)  # fmt: skip
PAPER_CROSSBARS = ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k")


def networks(*, paper: bool) -> tuple[tuple[str, str], ...]:
    """Architectures and their data: the paper's four, or the first."""
    return NETWORKS if paper else NETWORKS[:1]


def hardened(architecture: str, data: str, radius: int, *, paper: bool) -> Called:
    """A network trained at eps_train = radius/255, 0 for vanilla; studies that share a cache train it once.

    `paper`: by the paper's recipe, PGD-50 of step 1/255 with the first tenth of the training images for validation;
    else by five epochs with PGD-3.

    >>> hardened("resnet10", "cifar10", 4, paper=False).name
    'resnet10 eps_train 4/255'
    """
    steps, step = (50, 1 / 255) if paper else (3, radius / 255 / 2)
    robust = AdversarialTraining(training_attack(eps=radius / 255, steps=steps, step_size=step)) if radius else None
    recipe = replace(Recipe.preset("papers"), validation=0.1) if paper else Recipe(epochs=5)
    name = f"eps_train {fraction(radius / 255)}" if radius else "vanilla"
    trained = Trained(architecture, data, replace(recipe, objective=robust or CrossEntropy()))
    return Called(trained, f"{architecture} {name}")


def crossbars(*, paper: bool) -> tuple[Crossbar, ...]:
    """The PUMA presets of the paper; or rethinking-64 with both gains."""
    if paper:
        return tuple(Crossbar.preset(name, gain=UnitGain()) for name in PAPER_CROSSBARS)
    return tuple(Crossbar.preset("rethinking-64", gain=gain) for gain in (UnitGain(), LeastSquaresGain()))
