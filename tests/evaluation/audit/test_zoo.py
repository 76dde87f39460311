"""T2: the audit finds every deliberately broken network out, and fails no honest one."""

import dataclasses

import pytest
from torch import nn

import wordline as wl

from .conftest import BROKEN, FAST

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
