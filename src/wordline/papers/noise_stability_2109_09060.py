"""Shared parts of the studies of arXiv 2109.09060: its networks and its crossbars.

Networks are vanilla or adversarially trained at a radius eps_train.
"""

from __future__ import annotations

from dataclasses import replace

from ..defenses import AdversarialTraining, training_attack
from ..mapping import Crossbar, LeastSquaresGain, UnitGain
from ..records.record import fraction
from ..runs import NamedNetwork, PretrainedNetwork, TrainedNetwork
from ..training import CrossEntropy, Recipe

TRAINED = (
    ("resnet10", "cifar10"),
    ("resnet10-w4", "cifar10"),
    ("resnet20", "cifar100"),
    ("resnet20-w4", "cifar100"),
)
RADII = (0, 2, 4, 6, 8)  # eps_train in 255ths; 0 is vanilla
SHIPPED = (
    ("resnet10", (0, 2, 4, 8)),
    ("resnet20", (0, 8)),
)  # on CIFAR-10; ResNet-20 there is a stand-in
PAPER_CROSSBARS = ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k")


def networks(*, paper: bool) -> tuple[tuple[NamedNetwork, str], ...]:
    """Return (network, its data): the paper's twenty, to be trained; or those that ship here.

    >>> [network.name for network, _ in networks(paper=False)][3:]
    ['resnet10 eps_train 8/255', 'STAND-IN resnet20 vanilla', 'STAND-IN resnet20 eps_train 8/255']
    """
    if paper:
        return tuple((trained(name, data, r), data) for name, data in TRAINED for r in RADII)
    return tuple((shipped(name, r), "cifar10") for name, radii in SHIPPED for r in radii)


def trained(architecture: str, data: str, radius: int) -> NamedNetwork:
    """Return a network trained by the paper's recipe at eps_train = radius/255.

    PGD-50 of step 1/255, the first tenth of the training images for validation. Studies that share
    a cache train it once.

    >>> trained("resnet10", "cifar10", 4).name
    'resnet10 eps_train 4/255'
    """
    attack = training_attack(eps=radius / 255, steps=50, step_size=1 / 255) if radius else None
    objective = AdversarialTraining(attack) if attack else CrossEntropy()
    recipe = replace(Recipe.preset("papers"), validation=0.1, objective=objective)
    return NamedNetwork(TrainedNetwork(architecture, data, recipe), _name(architecture, radius))


def shipped(architecture: str, radius: int) -> NamedNetwork:
    """Return a network that ships with wordline: CIFAR-10, fast FGSM at a radius for a few epochs.

    Its card says how many. The paper's ResNet-20 is one of CIFAR-100, so this one is a stand-in.
    """
    prefix = "STAND-IN " if architecture == "resnet20" else ""
    file = f"{architecture}-cifar10" + (f"-fgsm-rs-{radius}" if radius else "")
    return NamedNetwork(PretrainedNetwork(file), prefix + _name(architecture, radius))


def crossbars(*, paper: bool) -> tuple[Crossbar, ...]:
    """Return the PUMA presets of the paper; or rethinking-16 and -64 with least-squares gain.

    With unit gain CA of the four ResNet-10 is 11.2 to 11.6 % there
    (docs/results/noise-stability.md).
    """
    if paper:
        return tuple(Crossbar.preset(name, gain=UnitGain()) for name in PAPER_CROSSBARS)
    gain = LeastSquaresGain()
    return tuple(Crossbar.preset(f"rethinking-{n}", gain=gain) for n in (16, 64))


def _name(architecture: str, radius: int) -> str:
    if not radius:
        return f"{architecture} vanilla"
    return f"{architecture} eps_train {fraction(radius / 255)}"
