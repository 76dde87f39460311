"""Networks and crossbars of arXiv 2109.09060."""

from __future__ import annotations

import wordline as wl
from wordline.defenses import AdversarialTraining, training_attack
from wordline.models import packaged_models
from wordline.papers.noise_stability_2109_09060 import crossbars, networks, shipped, trained
from wordline.runs import Store
from wordline.training import CrossEntropy


def test_a_radius_decides_objective_and_name() -> None:
    vanilla, robust = (trained("resnet10", "cifar10", radius) for radius in (0, 8))
    assert (vanilla.name, robust.name) == ("resnet10 vanilla", "resnet10 eps_train 8/255")
    assert vanilla.network.recipe.objective == CrossEntropy()
    assert robust.network.recipe.objective == AdversarialTraining(
        training_attack(8 / 255, 50, 1 / 255)
    )
    for one in (vanilla.network, robust.network):
        assert (one.architecture, one.data, one.seed) == ("resnet10", "cifar10", 0)
        assert (one.recipe.epochs, one.recipe.validation) == (200, 0.1)


def test_what_ships_is_called_by_its_radius_and_a_stand_in_says_so() -> None:
    made = networks(paper=False)
    assert {data for _, data in made} == {"cifar10"}
    assert [who.name for who, _ in made if "STAND-IN" in who.name] == [
        "STAND-IN resnet20 vanilla", "STAND-IN resnet20 eps_train 8/255",
    ]  # fmt: skip
    assert all(who.network.name in packaged_models() for who, _ in made)
    robust = shipped("resnet10", 8)
    assert robust.network.name == "resnet10-cifar10-fgsm-rs-8"
    assert robust.pinned(Store()).party.network == "resnet10 eps_train 8/255"


def test_the_papers_networks_and_crossbars_or_ours() -> None:
    every = networks(paper=True)
    assert len({who.name + data for who, data in every}) == len(every) == 20
    assert {who.network.architecture for who, data in every if data == "cifar100"} == {
        "resnet20",
        "resnet20-w4",
    }
    assert all(who.network.architecture in wl.models.ARCHITECTURES for who, _ in every)
    assert {crossbar.gain for crossbar in crossbars(paper=False)} == {wl.LeastSquaresGain()}
    assert [crossbar.tile for crossbar in crossbars(paper=False)] == [(16, 16), (64, 64)]
    assert [(crossbar.tile[0], crossbar.device.r_on_ohm) for crossbar in crossbars(paper=True)] == [
        (32, 100e3), (64, 100e3), (64, 300e3),
    ]  # fmt: skip
