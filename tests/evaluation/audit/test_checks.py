"""Each check alone, on networks made to trip it and it only."""

import cProfile
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
    model_properties,
    noise,
    queries,
    validity,
)
from wordline.evaluation.audit.audited_model import AuditedModel, AuditSettings
from wordline.evaluation.audit.check import Skip
from wordline.evaluation.audit.context import AuditContext

from .conftest import FAST, In, Noise, Out


def context(
    chip: nn.Module,
    split: ImageSplit,
    *,
    software: nn.Module | None = None,
    eps: float = 0.1,
    **changes,
) -> AuditContext:
    return AuditContext(
        chip, software or chip, split, eps=eps, budget=dataclasses.replace(FAST, **changes),
        seed=0, batch_size=50, calibration=split, notify=lambda note: None,
    )  # fmt: skip


class Linear(nn.Module):
    """Two classes, logits (-s, s) with s = mean pixel - 1/2: an Linf attack of eps breaks exactly
    |s| < eps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.stack((-torch.ones(64), torch.ones(64))) / 64)
            self.layer.bias.copy_(torch.tensor([0.5, -0.5]))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1))


@pytest.fixture
def greys() -> ImageSplit:
    """A hundred grey images of mean 0.31 to 0.69, labelled rightly."""
    level = torch.linspace(0.31, 0.69, 100)
    return ImageSplit(level.view(-1, 1, 1, 1).expand(100, 1, 8, 8).clone(), (level > 0.5).long())


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


def test_probabilities_are_no_logits(greys) -> None:
    assert (
        model_properties.Logits().run(context(Out(Linear(), lambda z: z.softmax(1)), greys)).status
        == "fail"
    )
    assert model_properties.Logits().run(context(Linear(), greys)).status == "pass"


def by_grad(x: Tensor) -> None:
    torch.autograd.grad((x * x).sum(), x)


def by_method(x: Tensor) -> None:
    (x * x).sum().backward()


def by_function(x: Tensor) -> None:
    torch.autograd.backward((x * x).sum())


def by_torch_func(x: Tensor) -> None:
    torch.func.grad(lambda y: (y * y).sum())(x.detach())


def by_nothing(x: Tensor) -> None:
    (x * x).sum()


class Inwardly(nn.Module):
    """Asks for gradients inside its forward pass, in one of many ways."""

    def __init__(self, ask) -> None:
        super().__init__()
        self.ask, self.inner = ask, Linear()
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad():
            self.ask(images.detach().requires_grad_())
        return self.inner(images)


@pytest.mark.parametrize("watcher", ["nobody", "profiler", "tracer", "cProfile"])
@pytest.mark.parametrize("ask", [by_grad, by_method, by_function, by_torch_func, by_nothing])
def test_gradients_inside_are_noticed_whoever_watches(greys, ask, watcher: str) -> None:
    def mine(frame, event, argument):
        return mine

    profiler = cProfile.Profile()
    before = sys.getprofile(), sys.gettrace()
    try:
        if watcher == "profiler":
            sys.setprofile(mine)
        elif watcher == "tracer":
            sys.settrace(mine)
        elif watcher == "cProfile":
            profiler.enable()
        watching = sys.getprofile(), sys.gettrace()
        finding = model_properties.NoInnerGradients().run(context(Inwardly(ask), greys))
        assert (sys.getprofile(), sys.gettrace()) == watching
    finally:
        profiler.disable()
        sys.setprofile(before[0])
        sys.settrace(before[1])
    calls = 0 if ask is by_nothing else 1
    assert finding.figures["gradient_calls"] == calls
    assert finding.status == ("fail" if calls else "pass")


def test_every_run_of_autograd_counts_once() -> None:
    x = torch.ones(1, requires_grad=True)
    with model_properties.counted_gradients() as runs:
        by_grad(x)
        by_method(x)
    by_grad(x)
    assert len(runs) == 2


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


def test_noise_ladder_and_draws(software, digits) -> None:
    class Peak(Noise):  # most accurate at the noise it has
        def with_noise(self, scale: float) -> nn.Module:
            return Noise(self.model, 0.6)

    split = digits.take(40)
    b = context(Peak(software, 0.01), split, eps=0.01)
    assert noise.NoiseLadder().run(b).status == "fail"
    assert noise.NoiseLadder().run(context(Noise(software, 0.02), split, eps=0.02)).status == "pass"
    with pytest.raises(Skip, match="the chip is deterministic"):
        noise.EnoughDraws().run(context(software, split))
    few = context(Noise(software, 0.5), split.take(10), eps=0.02)
    assert noise.EnoughDraws().run(few).status == "fail"


def test_a_frozen_chip_more_robust_than_software_is_noticed(hardened, software, digits) -> None:
    b = context(Noise(hardened, 0.01), digits.take(80), software=software, eps=0.12)
    assert noise.FrozenNoise().run(b).status == "fail"


def test_gradient_noise_makes_eot_mandatory(software, digits) -> None:
    from wordline.evaluation.audit.gradients import GradientNoise

    split = digits.take(30)
    assert GradientNoise().run(context(Noise(software, 0.3), split)).status == "warn"
    assert GradientNoise().run(context(software, split)).figures["median_cosine"] == pytest.approx(
        1.0
    )


def test_attacks_on_a_stochastic_network_average_and_never_stop_at_one_draw(
    software, digits
) -> None:
    settings = AuditSettings(digits.images[:5], digits.labels[:5], 50, 0, 20, 7)
    noisy, still = AuditedModel(Noise(software, 0.1), settings), AuditedModel(software, settings)
    attack = wl.PGD(0.1, steps=3)
    assert noisy.adapted(attack) == wl.PGD(0.1, steps=3, eot=7)
    assert still.adapted(attack) == wl.PGD(0.1, steps=3, early_stop=True)
    assert noisy.adapted(wl.Targeted(attack, 2)) == wl.Targeted(wl.PGD(0.1, steps=3, eot=7), 2)
    assert noisy.adapted(wl.MIFGSM(0.1)) == wl.MIFGSM(0.1, eot=7)
    assert noisy.correct(settings.images).shape == (20, 5)
    assert still.correct(settings.images).shape == (1, 5)
