"""Each check alone, on networks made to trip it and it only."""

import dataclasses
import sys

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation.audit import (
    binarization,
    convergence,
    distortion,
    losses,
    queries,
    validity,
)
from wordline.evaluation.audit.check import Skip

from .conftest import In, Out
from .small import Linear, context


def test_accuracy_under_the_base_attack_is_the_closed_form(greys) -> None:
    b = context(Linear(), greys, eps=0.1)
    level = greys.images[:, 0, 0, 0]
    assert torch.equal(b.base_result(b.chip).robust, (level - 0.5).abs() > 0.1)
    assert b.base_result(b.chip) is b.base_result(b.chip)  # crafted once
    for check in (
        validity.ValidImages(),
        validity.SameAtZero(),
        convergence.IterativeWins(),
        distortion.UnboundedWins(),
    ):
        assert check.run(b).status == "pass"
    curve = distortion.MonotoneInEpsilon().run(b).figures
    expected = [float(((level - 0.5).abs() > eps).double().mean()) for eps in (0.05, 0.1, 0.2)]
    assert [
        curve["accuracy_at_0.05"],
        curve["accuracy_at_0.1"],
        curve["accuracy_at_0.2"],
    ] == pytest.approx(expected)
    assert binarization.Binarization().run(b).figures["success"] == 1.0


def test_images_outside_the_ball_or_the_range_are_invalid(greys) -> None:
    b = context(Linear(), greys)
    good = b.base_result(b.chip)
    for spoil in (lambda x: x + 0.2, lambda x: x * torch.nan):
        spoilt = b.chip.score(spoil(good.images), torch.arange(100))
        b._memory[f"base {id(b.chip)}"] = spoilt
        assert validity.ValidImages().run(b).status == "fail"


class BatchWise(nn.Module):
    """Correctness depend on what else is in the batch."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images - images[:1].mean() + 0.5)


class Remembers(nn.Module):
    """Turns its answers round after the third question."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.asked = model, 0
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        self.asked += 1
        return self.model(images) * (1 if self.asked < 8 else -1)


def test_answers_that_depend_on_the_batch_or_on_the_past_are_invalid(greys) -> None:
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    mixed = dataclasses.replace(greys, images=greys.images[order], labels=greys.labels[order])
    assert validity.ValidImages().run(context(BatchWise(Linear()), mixed)).status == "fail"
    b = context(Remembers(Linear()), greys)
    assert not b.chip.stochastic
    assert validity.SameAtZero().run(b).status == "fail"


def test_too_few_steps_restarts_and_too_short_a_step_are_noticed(software, digits) -> None:
    split = digits.take(80)
    weak = context(software, split, steps=1, targets=0, loss="cross-entropy")
    assert convergence.StepsConverged().run(weak).status == "fail"
    few = context(software, split, eps=0.12, targets=0)
    few.__dict__["base"] = wl.PGD(
        0.12, steps=10, step_size=0.005
    )  # 10 x 0.005 cannot cross the ball
    assert convergence.StepSizeConverged().run(few).status == "fail"
    lucky = context(
        In(software, lambda x: x + 0.01 * torch.sin(1000 * x)), split, eps=0.15, targets=0
    )
    assert convergence.RestartsConverged().run(lucky).status == "fail"


def test_a_loss_that_cannot_see_is_noticed(software, digits) -> None:
    flat = context(
        Out(software, lambda z: 300 * z), digits.take(80), eps=0.12, loss="cross-entropy", targets=0
    )
    finding = losses.LossAgnostic().run(flat)
    assert finding.status == "fail"
    assert finding.figures["only_margin"] > 0.1
    assert finding.figures["lower_bound"] < finding.figures["only"]


def test_an_attack_that_overshoots_throws_successes_away(digits) -> None:
    class Notch(
        nn.Module
    ):  # class 1 in a narrow band of mean pixels only; cross-entropy still grows beyond it
        def forward(self, images: Tensor) -> Tensor:
            mean = images.flatten(1).mean(1)
            inside = torch.where((mean - 0.55).abs() < 0.01, 2.0, 0.0)
            return torch.stack((torch.ones_like(mean), mean + inside), 1)

    level = torch.full((60, 1, 8, 8), 0.5)
    split = ImageSplit(level, torch.zeros(60, dtype=torch.int64))
    b = context(Notch().eval(), split, eps=0.2, loss="cross-entropy", steps=20)
    b.__dict__["base"] = wl.PGD(
        0.2, steps=20, step_size=0.01, loss="cross-entropy", random_start=False, keep="last"
    )
    assert losses.NoSilentSuccess().run(b).status == "fail"
    assert losses.NoSilentSuccess().run(context(Linear(), split, eps=0.2)).status == "pass"


def test_a_base_attack_that_goes_nowhere_loses_to_one_step_transfer_random_and_square(
    software, digits
) -> None:
    flat = context(
        In(software, lambda x: (15 * x).round() / 15),
        digits.take(60),
        software=software,
        eps=0.15,
        square=300,
    )
    flat.base_result(flat.chip)
    from wordline.evaluation.audit.transfer import OwnGradientIsBest, TransferIsWeaker

    for check in (
        TransferIsWeaker(),
        OwnGradientIsBest(),
        queries.SquareFindsNothing(),
        distortion.UnboundedWins(),
    ):
        assert check.run(flat).status == "fail", check.id


def test_query_attacks_visit_survivors_only(software, digits) -> None:
    asked: list[int] = []

    class Counting(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            asked.append(len(images))
            return software(images)

    b = context(Counting().eval(), digits.take(60), eps=0.1)
    b.base_result(b.chip)
    remaining = int(b.robust_to_white_box().sum())
    assert 0 < remaining < 40
    for check in (queries.RandomFindsNothing(), queries.SquareFindsNothing()):
        asked.clear()
        check.run(b)
        assert max(asked) <= remaining


def test_without_the_libraries_their_checks_are_skipped(software, digits, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("pyautoattack", "foolbox")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "pyautoattack.square", None)
    monkeypatch.setitem(sys.modules, "foolbox", None)
    b = context(software, digits.take(10))
    for check in (queries.SquareFindsNothing(), queries.HardLabelFindsNothing()):
        with pytest.raises(Skip, match="pip install"):
            check.run(b)


def test_an_unbounded_attack_that_loses_is_noticed(greys) -> None:
    b = context(Linear(), greys, eps=0.1)
    b.__dict__["base"] = wl.PGD(
        0.1, steps=1, step_size=0.05, random_start=False
    )  # cannot use a larger ball
    assert distortion.UnboundedWins().run(b).status == "fail"


def test_accuracy_that_rises_with_eps_is_noticed() -> None:
    class Band(
        nn.Module
    ):  # class 1 where the mean pixel is 0.55, and a slope that leads on past it
        def forward(self, images: Tensor) -> Tensor:
            mean = images.flatten(1).mean(1)
            return torch.stack(
                (torch.ones_like(mean), mean + torch.where((mean - 0.55).abs() < 0.01, 2.0, 0.0)), 1
            )

    split = ImageSplit(torch.full((30, 1, 8, 8), 0.5), torch.zeros(30, dtype=torch.int64))
    b = context(Band().eval(), split, eps=0.1)
    b.__dict__["base"] = wl.PGD(0.1, steps=1, random_start=False)
    finding = distortion.MonotoneInEpsilon().run(b)
    assert finding.status == "fail"
    assert finding.figures["largest_rise"] == 1.0
