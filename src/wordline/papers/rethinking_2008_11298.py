"""Shared parts of the studies of arXiv 2008.11298: crossbars, attacks and grids.

The paper prints neither parasitics nor variation (presets `rethinking-*`), neither a recipe (that
of arXiv 2109.09060 is used) nor the steps of its PGD (`pgd`). Cross-entropy is its loss. Unit gain
is the paper's, least-squares gain the control.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..attacks import FGSM, PGD, AbstractAttack, Loss
from ..mapping import Crossbar, LeastSquaresGain, UnitGain
from ..runs import EvaluationCell, Grid, Images, PretrainedNetwork, TrainedNetwork
from ..training import Recipe

TILES = (16, 32, 64)
GAINS = (UnitGain(), LeastSquaresGain())
FGSM_EPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
PGD_EPS = (2 / 255, 4 / 255, 8 / 255, 16 / 255, 32 / 255)
PGD_STEP = 2 / 255
CHIPS = (0, 1, 2, 3, 4)  # of the paper scale
QUICK_IMAGES = 500


def crossbars(*tiles: int) -> tuple[Crossbar, ...]:
    """Return crossbars of these tiles, or of all in the paper, with its gain and the control's."""
    names = [f"rethinking-{n}" for n in tiles or TILES]
    return tuple(Crossbar.preset(name, gain=gain) for gain in GAINS for name in names)


def fgsm(
    radii: Iterable[float] = FGSM_EPS, *, loss: Loss = "cross-entropy"
) -> tuple[AbstractAttack, ...]:
    """Return FGSM at every radius."""
    return tuple(FGSM(eps=eps, loss=loss) for eps in radii)


def pgd(
    radii: Iterable[float] = PGD_EPS, *, loss: Loss = "cross-entropy"
) -> tuple[AbstractAttack, ...]:
    """Return PGD in steps of 2/255, enough to cross the ball; white-box attacks stop at success.

    >>> [attack.steps for attack in pgd((4 / 255, 32 / 255))]
    [10, 40]
    """
    return tuple(
        PGD(
            eps=eps,
            steps=max(10, math.ceil(2.5 * eps / PGD_STEP)),
            step_size=PGD_STEP,
            loss=loss,
            early_stop=True,
        )
        for eps in radii
    )


def paper_network(architecture: str = "vgg8", data: str = "cifar10") -> TrainedNetwork:
    """Return a network to be trained from scratch."""
    return TrainedNetwork(architecture, data, Recipe.preset("papers"))


def paper_cells(
    architecture: str, data: str, attacks: tuple[AbstractAttack, ...]
) -> tuple[EvaluationCell, ...]:
    """Return cells of a network trained from scratch, all test images, five chips a crossbar."""
    grid = Grid(crossbars(), attacks, seeds=CHIPS)
    return grid.cells(paper_network(architecture, data), Images(data))


def quick_cells(
    model: str, attacks: tuple[AbstractAttack, ...], spread: tuple[AbstractAttack, ...] = ()
) -> tuple[EvaluationCell, ...]:
    """Return cells of a network that ships with wordline on CIFAR-10, and chip 0.

    Under the attacks of `spread` there are cells of the other chips too.
    """
    network, images = PretrainedNetwork(model), Images("cifar10", limit=QUICK_IMAGES)
    found = Grid(crossbars(), attacks).cells(network, images)
    if spread:
        others = Grid(crossbars(), spread, seeds=CHIPS[1:], settings=("SH", "HH"))
        found += others.cells(network, images)
    return found
