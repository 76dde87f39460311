"""Networks and crossbars of arXiv 2109.09060."""

from __future__ import annotations

import pytest

import wordline as wl
from wordline.defenses import AdversarialTraining, training_attack
from wordline.studies.hardened import crossbars, hardened, networks
from wordline.zoo import CrossEntropy


@pytest.mark.parametrize("paper", [True, False])
def test_a_radius_decides_objective_and_name(paper: bool) -> None:
    vanilla, robust = (hardened("resnet10", "cifar10", radius, paper=paper) for radius in (0, 8))
    assert (vanilla.name, robust.name) == ("resnet10 vanilla", "resnet10 eps_train 8/255")
    assert vanilla.network.recipe.objective == CrossEntropy()
    attack = training_attack(8 / 255, 50, 1 / 255) if paper else training_attack(8 / 255, 3, 4 / 255)
    assert robust.network.recipe.objective == AdversarialTraining(attack)
    for trained in (vanilla.network, robust.network):
        assert (trained.architecture, trained.data, trained.seed) == ("resnet10", "cifar10", 0)
        assert (trained.recipe.epochs, trained.recipe.validation) == ((200, 0.1) if paper else (5, 0.0))


def test_the_papers_networks_and_crossbars_or_ours() -> None:
    assert networks(paper=False) == networks(paper=True)[:1] == (("resnet10", "cifar10"),)
    assert [data for _, data in networks(paper=True)] == ["cifar10", "cifar10", "cifar100", "cifar100"]
    assert all(name in wl.zoo.ARCHITECTURES for name, _ in networks(paper=True))
    assert [crossbar.gain for crossbar in crossbars(paper=False)] == [wl.UnitGain(), wl.LeastSquaresGain()]
    assert {crossbar.tile for crossbar in crossbars(paper=False)} == {(64, 64)}
    assert [(crossbar.tile[0], crossbar.device.r_on_ohm) for crossbar in crossbars(paper=True)] == [
        (32, 100e3), (64, 100e3), (64, 300e3),
    ]  # fmt: skip
