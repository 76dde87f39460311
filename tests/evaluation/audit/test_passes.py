"""Nothing is asked twice: passes through a network are counted, image by image."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.evaluation.audit import base_run, controls, losses, transfer
from wordline.evaluation.audit.audited_model import AuditedModel
from wordline.evaluation.audit.crafting import AuditSettings, craft
from wordline.evaluation.audit.model_properties import Logits, Repeatable
from wordline.evaluation.audit.plan import Meter, base_runs, runs_of_checks

from .conftest import FAST, Noise
from .small import context


class Counting(nn.Module):
    """A network that counts the images that it is asked for."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.asked = model, 0
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        return self.model(images)

    def during(self, run) -> int:
        """The images asked for by a call."""
        before = self.asked
        run()
        return self.asked - before


def test_answers_and_attacks_are_asked_once(software, digits) -> None:
    chip = Counting(software)
    b = context(chip, digits.take(30))
    assert b.chip.stochastic is False
    assert chip.during(lambda: (Repeatable().run(b), Logits().run(b))) == 0  # known by then
    assert chip.during(lambda: b.base_result(b.chip)) > 30
    assert chip.during(lambda: b.base_result(b.chip)) == 0


def test_an_attack_to_the_end_runs_again_only_what_stopped(software, digits) -> None:
    chip = Counting(software)
    b = context(chip, digits.take(40), eps=0.08)
    stopped = b.chip.attack(b.base, on=b.chip.right, stream="base/0")
    broken = int((b.chip.right & ~stopped.robust).sum())
    assert 0 < broken < 30
    found = []
    passes = chip.during(lambda: found.append(b.chip.to_the_end(b.base, b.chip.right, "base/0")))
    assert passes == broken * (b.budget.steps + 1)
    index = b.chip.right.nonzero().squeeze(1)
    whole = craft(chip, b.base, b.settings, index, "base/0")
    torch.testing.assert_close(found[0][index], whole)
    for check in (losses.NoSilentSuccess(), transfer.TransferIsWeaker()):
        assert check.run(b).status == "pass"


def test_a_stochastic_network_never_stops_early(software, digits) -> None:
    b = context(Noise(software, 0.05), digits.take(5))
    asked = []
    b.chip.craft = lambda attack, index, *rest: asked.append(len(index)) or b.settings.images[index]
    b.chip.to_the_end(b.base, torch.ones(5, dtype=torch.bool), "base/0")
    assert asked == [5]


def test_a_random_start_belongs_to_its_image(software, digits) -> None:
    settings = AuditSettings(digits.images[:20], digits.labels[:20], 7, 0, 20, 2)
    attack = wl.PGD(0.1, steps=1, step_size=1e-9)  # the start, but for rounding
    other_net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()
    whole = craft(software, attack, settings, torch.arange(20), "base/0")
    some = torch.tensor([3, 4, 11, 19])
    torch.testing.assert_close(craft(other_net, attack, settings, some, "base/0"), whole[some])
    other = dataclasses.replace(settings, batch_size=20)
    torch.testing.assert_close(craft(software, attack, other, torch.arange(20), "base/0"), whole)
    double = dataclasses.replace(attack, eps=0.2)
    change = craft(software, double, settings, some, "base/0") - settings.images[some]
    inside = (whole[some] > 0) & (whole[some] < 1) & (change.abs() < 0.19)
    inside &= ((settings.images[some] + change) > 0) & ((settings.images[some] + change) < 1)
    half = (whole - settings.images)[some][inside]
    torch.testing.assert_close(change[inside], 2 * half, atol=1e-6, rtol=0)


def test_one_mask_does_not_answer_for_another(software, digits) -> None:
    chip = AuditedModel(
        software, AuditSettings(digits.images[:10], digits.labels[:10], 5, 0, 20, 2)
    )
    attack, first = wl.PGD(0.1, steps=2), torch.arange(10) < 5
    one, other = (chip.attack(attack, on=on, stream="base/0") for on in (first, ~first))
    assert one is not other
    assert torch.equal(one.images[~first], digits.images[:10][~first])
    assert torch.equal(other.images[first], digits.images[:10][first])
    assert one is chip.attack(attack, on=first.clone(), stream="base/0")
    assert one is not chip.attack(attack, on=first, stream="base/1")


def test_a_control_that_is_the_chip_itself_is_not_attacked_again(software, digits) -> None:
    def mapped(gain, seed=0, name="rethinking-16"):
        return wl.map_model(software, wl.Crossbar.preset(name, gain=gain), seed=seed)

    least, unit = mapped(wl.LeastSquaresGain()), mapped(wl.UnitGain())
    for chip, same in ((least, True), (unit, False)):
        b = context(chip, digits.take(8), software=software)
        assert (base_run.base_run(b, controls.GAIN).audited is b.chip) is same
    assert not base_run.same_network(least, mapped(wl.LeastSquaresGain(), seed=1))
    ideal = mapped(wl.LeastSquaresGain(), name="ideal")
    assert base_run.same_network(ideal, mapped(wl.LeastSquaresGain(), 1, "ideal"))  # draws nothing
    assert not base_run.same_network(software, software)  # no chips
    changed = mapped(wl.LeastSquaresGain())
    with torch.no_grad():
        changed.layers["fc1"].effective_weight[0, 0] += 1e-3
    assert not base_run.same_network(least, changed)


def test_progress_adds_up_to_what_was_planned() -> None:
    told: list[tuple[int, str]] = []
    meter = Meter(lambda runs, note: told.append((runs, note)), total=9)
    meter.begin("A2", 3)
    for _ in range(5):
        meter.ran(1)
    meter.end("A2 pass")
    meter.begin("A3", 4)
    meter.end("A3 pass")
    meter.finish("done")  # what was left out
    assert [runs for runs, _ in told] == [0, 1, 1, 1, 0, 0, 0, 0, 4, 2]
    assert base_runs(FAST, stochastic=False) == 4
    assert base_runs(FAST, stochastic=True) == 8
    assert runs_of_checks(FAST, stochastic=True)["A2"] == 4


@pytest.mark.parametrize("noisy", [False, True])
def test_progress_of_an_audit_ends_at_its_total(noisy, software, digits) -> None:
    from contextlib import contextmanager

    from wordline.progress import AbstractProgress

    class Sum(AbstractProgress):
        total = done = moves = 0

        @contextmanager
        def task(self, description, total):
            self.total = total

            def advance(units, note):
                self.done += units
                self.moves += units > 0

            yield advance

    told = Sum()
    chip = Noise(software, 0.05) if noisy else software
    budget = dataclasses.replace(FAST, steps=2, hop=1, square=10, random=2)
    wl.audit(
        chip=chip, software=software, data=digits, eps=0.1, limit=5, budget=budget, progress=told
    )
    assert told.done == told.total
    assert told.moves > 31  # more often than once a check
