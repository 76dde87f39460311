"""Attacks and grids of arXiv 2008.11298, in the paper's numbers."""

from __future__ import annotations

import wordline as wl
from wordline.papers.rethinking_2008_11298 import (
    FGSM_EPS,
    PGD_EPS,
    crossbars,
    fgsm,
    paper_cells,
    pgd,
    quick_cells,
)
from wordline.runs import Images, PretrainedNetwork, TrainedNetwork


def test_crossbars_are_the_presets_unit_gain_first() -> None:
    assert crossbars() == tuple(
        wl.Crossbar.preset(f"rethinking-{n}", gain=gain)
        for gain in (wl.UnitGain(), wl.LeastSquaresGain()) for n in (16, 32, 64)
    )  # fmt: skip


def test_attacks_cross_their_balls() -> None:
    assert fgsm((0.05,), loss="margin") == (wl.FGSM(eps=0.05, loss="margin"),)
    assert len(fgsm()) == len(FGSM_EPS) == 6
    assert [round(255 * attack.eps) for attack in pgd()] == [2, 4, 8, 16, 32]
    assert [attack.steps for attack in pgd()] == [10, 10, 10, 20, 40]
    for attack in pgd():
        assert (
            attack.steps * attack.step_size >= 2.5 * attack.eps - 1e-12
            and attack.step_size == 2 / 255
        )
        assert attack.early_stop and attack.loss == "cross-entropy"


def test_cells_of_both_scales() -> None:
    attacks = pgd(PGD_EPS[:2])
    paper = paper_cells("vgg8", "cifar10", attacks)
    assert len(paper) == 2 + 6 * 5 * 2 * 2
    assert {cell.images for cell in paper} == {Images("cifar10")}
    assert all(
        cell.network == TrainedNetwork("vgg8", "cifar10", wl.training.Recipe.preset("papers"))
        for cell in paper
    )
    quick = quick_cells("vgg8-half-cifar10", attacks)
    assert len(quick) == 2 + 6 * 2 * 2 and {cell.chip_seed for cell in quick} == {0}
    assert {(cell.network, cell.images.limit) for cell in quick} == {
        (PretrainedNetwork("vgg8-half-cifar10"), 500)
    }
    spread = quick_cells("vgg8-half-cifar10", attacks, spread=attacks[:1])
    assert spread[: len(quick)] == quick
    more = spread[len(quick) :]
    assert len(more) == 6 * 4 * 2 and {cell.setting for cell in more} == {"SH", "HH"}
    assert {cell.chip_seed for cell in more} == {1, 2, 3, 4}
    assert {cell.attack.eps for cell in more} == {2 / 255}
