"""Accuracy against epsilon where it is known: grey images at known distances from the border."""

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit


class Bright(nn.Module):
    """Class 1 where the mean pixel exceeds one half."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        excess = images.flatten(1).mean(1) - 0.5
        return torch.stack((-excess, excess), 1)


LEVEL = torch.linspace(0.305, 0.695, 40)
SPLIT = ImageSplit(LEVEL.view(-1, 1, 1, 1).expand(40, 1, 2, 2).clone(), (LEVEL > 0.5).long())


def test_the_curve_is_the_share_beyond_eps_and_ends_at_chance() -> None:
    model = Bright().eval()
    curve = wl.robustness_curve(
        victim=model, source=model, data=SPLIT, eps=(0.02, 0.05, 0.12, 0.15)
    )
    expected = [
        float(((LEVEL - 0.5).abs() > eps).double().mean()) for eps in (0.0, 0.02, 0.05, 0.12)
    ]
    assert curve.eps == (0.0, 0.02, 0.05, 0.12)  # chance is one half: 0.15 was not needed
    assert curve.accuracy == pytest.approx(expected)
    assert curve.chance == 0.5
    assert curve.reaches_chance
    assert "chance (50.0 %) reached" in str(curve)
    assert wl.RobustnessCurve.from_json(curve.to_json()) == curve
    steps = [record.attack.step_length() for record in curve.records]  # type: ignore[attr-defined]
    assert steps == pytest.approx([2.5 * eps / 20 for eps in curve.eps[1:]])


def test_a_curve_that_stays_above_chance_says_so() -> None:
    model = Bright().eval()
    curve = wl.robustness_curve(
        victim=model, source=model, data=SPLIT, attack=wl.FGSM(0.1), eps=(0.01,), limit=39
    )
    assert not curve.reaches_chance
    assert "NOT reached" in str(curve)
    assert curve.records[0].attack == wl.FGSM(0.01)


def test_bad_arguments_are_refused() -> None:
    model = Bright().eval()
    for eps in ((), (0.2, 0.1), (0.0, 0.1)):
        with pytest.raises(ValueError, match="`eps` must be growing radii above 0"):
            wl.robustness_curve(victim=model, source=model, data=SPLIT, eps=eps)
    with pytest.raises(TypeError, match="`attack` must be AbstractAttack"):
        wl.robustness_curve(victim=model, source=model, data=SPLIT, attack="pgd")
    with pytest.raises(TypeError, match="`data` must be ImageSplit"):
        wl.robustness_curve(victim=model, source=model, data=3)  # type: ignore[arg-type]
