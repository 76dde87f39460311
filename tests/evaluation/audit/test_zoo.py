"""T2: the audit finds every deliberately broken network out, and fails no honest one."""

import dataclasses
from dataclasses import fields

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.evaluation import scaled
from wordline.evaluation.audit import controls
from wordline.evaluation.audit.advantage import AttenuationExplainsNothing
from wordline.evaluation.audit.base_run import base_run
from wordline.evaluation.audit.controls import Control

from .conftest import BROKEN, FAST
from .small import context

MASKING = "masking detected"
SMALL = dataclasses.replace(wl.Budget.quick(), eot=2, square=100, hop=4, hard_label=5, random=20)
BY = {  # the check that has to see it, whatever else does
    "rounded pixels, no straight-through": "G1",
    "logits x 300": "G1",
    "shattered, finely": "G3",
    "backward turned round": "G3",
    "backward of other pixels": "G3",
    "backward of zeros": "G1",
    "backward of NaN": "G2",
    "no gradient at all": "G2",
    "steep steps": "G3",
    "rounded logits": "G1",
    "softmax of large logits": "V4",
}


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "purified at test time"])
def test_every_broken_network_is_found_out(name, software, digits) -> None:
    result = wl.audit(
        chip=BROKEN[name](software),
        software=software,
        data=digits,
        eps=0.1,
        limit=40,
        budget=FAST,
        quick=True,
    )
    assert result.verdict == MASKING
    assert result[BY.get(name, "A1")].status == "fail"


def test_gradients_inside_the_forward_pass_are_found_out(software, digits) -> None:
    chip = BROKEN["purified at test time"](software)
    result = wl.audit(chip=chip, software=software, data=digits, eps=0.1, limit=20, budget=FAST)
    assert result.verdict == "evaluation not converged"
    assert result["V5"].figures == {"gradient_calls": 1}


def honest(software: nn.Module) -> dict[str, nn.Module]:
    def chip(name: str) -> nn.Module:
        return wl.map_model(software, wl.Crossbar.preset(name, gain=wl.LeastSquaresGain()), seed=0)

    return {
        "plain": software,
        "ideal": chip("ideal"),
        "16": chip("rethinking-16"),
        "64": chip("rethinking-64"),
    }


@pytest.mark.parametrize("name", ["plain", "ideal", "16", "64"])
def test_no_honest_network_fails(name, software, digits) -> None:
    result = wl.audit(
        chip=honest(software)[name],
        software=software,
        data=digits,
        eps=0.1,
        limit=60,
        quick=True,
        budget=SMALL,
    )
    assert [check.id for check in result.checks if check.status == "fail"] == []
    ran = sum(check.status != "skipped" for check in result.checks)
    assert ran >= 24
    assert result.verdict == f"no masking found by these {ran} checks"


def test_an_honestly_more_robust_network_keeps_its_advantage(hardened, software, digits) -> None:
    result = wl.audit(
        chip=hardened, software=software, data=digits, eps=0.1, limit=80, quick=True, budget=SMALL
    )
    assert result["C1"].figures["aa_gain"] > 0.2
    assert [check.id for check in result.checks if check.status == "fail"] == []
    assert result.verdict.startswith("no masking found")
    chip = next(row for row in result.comparisons if row.name == "chip")
    assert chip.robust.low > 0.1


def test_a_chip_that_only_lost_accuracy_is_called_that(software, digits) -> None:
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-64", gain=wl.UnitGain()), seed=0)
    result = wl.audit(
        chip=chip, software=software, data=digits, eps=0.1, limit=60, quick=True, budget=SMALL
    )
    assert result.verdict == "advantage explained by clean-accuracy loss"
    assert result["C1"].figures["al_advantage"] > 0.2
    assert result["C1"].figures["left_least-squares_gain"] < 0.05
    assert result["C2"].status == "fail"


class Beside(nn.Module):
    """The digits network, and a product that a checkerboard of pixels drives out of all bounds."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.fragile = network, nn.Linear(64, 10, bias=False)
        row = torch.tensor([1.0, -1.0]).repeat(4)
        checkers, classes = torch.cat((row, -row)).repeat(4), torch.tensor([1.0, -1.0]).repeat(5)
        with torch.no_grad():
            self.fragile.weight.copy_(2 * torch.outer(classes, checkers))
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images) + self.fragile(images.flatten(1))


def weak_wires(scale: float) -> wl.Crossbar:
    """The 16 x 16 arrays of arXiv 2008.11298 with weaker parasitics, without variation or gain."""
    crossbar = wl.Crossbar.preset("rethinking-16", gain=wl.UnitGain())
    ohms = {f.name: scale * getattr(crossbar.wires, f.name) for f in fields(wl.Wires)}
    return dataclasses.replace(crossbar, wires=wl.Wires(**ohms), nonidealities=())


def test_a_gain_of_lost_current_is_called_that(software, digits) -> None:
    network = Beside(software)
    chip = wl.map_model(network, weak_wires(0.5), seed=0, only=("fragile",))
    result = wl.audit(
        chip=chip, software=network, data=digits, eps=0.1, limit=120, quick=True, budget=SMALL
    )
    figures = result["C4"].figures
    assert figures["aa_gain"] > 0.05
    assert figures["aa_gain_of_twin"] > 0.05 and abs(figures["aa_gain_over_twin"]) < 0.02
    assert abs(figures["ca_below_chip"]) < 0.01
    assert result["C1"].figures["aa_gain"] == figures["aa_gain"]
    assert result["C4"].status == "fail" and "gains as much" in result["C4"].explanation
    assert result.verdict == "advantage explained by attenuation"
    twin = next(row for row in result.comparisons if row.name == controls.TWIN.name)
    assert twin.robust.low > 0


def test_a_gain_that_the_twin_has_not_is_not_explained_by_it(hardened, software, digits) -> None:
    """Arrays that hold the weights of a hardened network gain what no factor would."""
    chip = wl.map_model(software, wl.Crossbar.preset("ideal"), seed=0)
    held = wl.map_model(hardened, wl.Crossbar.preset("ideal"), seed=0)
    with torch.no_grad():
        for name, layer in chip.layers.items():
            layer.effective_weight.copy_(held.layers[name].effective_weight)
            layer.bias.copy_(held.layers[name].bias)
    result = wl.audit(
        chip=chip, software=software, data=digits, eps=0.1, limit=80, quick=True, budget=SMALL
    )
    figures = result["C4"].figures
    assert figures["aa_gain"] > 0.2 and figures["aa_gain_of_twin"] < 0.05
    assert figures["aa_gain_over_twin"] > 0.2 and figures["p_value"] < 0.01
    assert result["C4"].status == "pass"
    assert result.verdict != "advantage explained by attenuation"


def test_a_twin_of_far_less_clean_accuracy_explains_nothing(software, digits) -> None:
    b = context(software, digits.take(60), software=Beside(software))
    low = Control(controls.TWIN.name, lambda _: scaled(software=software, factor=0.4))
    base_run(b, low)
    finding = AttenuationExplainsNothing().run(b)
    assert finding.figures["aa_gain"] > 0.05 and finding.figures["ca_below_chip"] > 0.02
    assert finding.status == "pass"


@pytest.mark.slow
@pytest.mark.parametrize("eps", [0.05, 0.1])
def test_the_honest_zoo_at_full_budget_and_size(eps, hardened, software, digits) -> None:
    for name, chip in {**honest(software), "hardened": hardened}.items():
        result = wl.audit(chip=chip, software=software, data=digits, eps=eps, limit=150)
        assert result.verdict.startswith("no masking found"), f"{name}\n{result}"


@pytest.mark.slow
@pytest.mark.parametrize("eps", [0.05, 0.1])
def test_the_broken_zoo_at_full_budget(eps, software, digits) -> None:
    for name, broken in BROKEN.items():
        result = wl.audit(chip=broken(software), software=software, data=digits, eps=eps, limit=40)
        expected = "evaluation not converged" if name == "purified at test time" else MASKING
        assert result.verdict == expected, f"{name}\n{result}"
