"""The controls against closed forms: what is shrunk by how much, what noise is matched, what is
gained back.
"""

import copy
import dataclasses

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation import scaled
from wordline.evaluation.audit import controls
from wordline.evaluation.audit.advantage import AccuracyRestored, ShrinkExplainsNothing
from wordline.evaluation.audit.base_run import base_run, compare_all
from wordline.evaluation.audit.check import Skip
from wordline.evaluation.audit.context import AuditContext
from wordline.evaluation.audit.controls import Control
from wordline.evaluation.matched_noise import replace_layer

from .conftest import FAST


def context(
    chip: nn.Module, software: nn.Module, split: ImageSplit, eps: float = 0.1
) -> AuditContext:
    return AuditContext(
        chip,
        software,
        split,
        eps=eps,
        budget=FAST,
        seed=0,
        batch_size=50,
        calibration=split,
    )


@pytest.fixture
def halved(software: nn.Module) -> nn.Module:
    """An ideal chip every product of which is made half as large: the shrink is known."""
    chip = wl.map_model(software, wl.Crossbar.preset("ideal"), seed=0)
    with torch.no_grad():
        for layer in chip.layers.values():
            layer.effective_weight.mul_(0.5)
    return chip


def test_the_attenuated_software_is_the_halved_chip(halved, software, digits) -> None:
    b = context(halved, software, digits.take(30))
    twin = controls.attenuate(b)
    torch.testing.assert_close(
        twin(digits.images[:30]), halved(digits.images[:30]), atol=1e-4, rtol=1e-4
    )
    assert not torch.allclose(software(digits.images[:30]), halved(digits.images[:30]), atol=1e-2)


@pytest.mark.parametrize("control", [controls.map_with_gain, controls.map_other_seed])
def test_a_chip_mapped_again_has_the_layers_and_crossbars_of_the_chip(
    control, software, digits
) -> None:
    crossbars = {n: wl.Crossbar.preset(f"rethinking-{n}") for n in (16, 32)}
    chip = wl.map_model(
        software, crossbars[16], seed=3, exclude=["conv1"], overrides=[("fc?", crossbars[32])]
    )
    again = control(context(chip, software, digits.take(10)))
    assert list(again.layers) == list(chip.layers)
    tiles = {name: layer.crossbar.tile for name, layer in again.layers.items()}
    assert tiles == {name: layer.crossbar.tile for name, layer in chip.layers.items()}
    gains = {type(layer.crossbar.gain) for layer in again.layers.values()}
    given = {type(layer.crossbar.gain) for layer in chip.layers.values()}
    assert gains == ({wl.LeastSquaresGain} if control is controls.map_with_gain else given)


def test_a_chip_mapped_again_is_calibrated_again(software, digits) -> None:
    adc = wl.UniformConverter(bits=8, range=wl.Calibrated())
    crossbar = dataclasses.replace(wl.Crossbar.preset("rethinking-16"), adc=adc)
    chip = wl.calibrate(wl.map_model(software, crossbar), digits.take(20))
    again = controls.map_other_seed(context(chip, software, digits.take(20)))
    assert again(digits.images[:2]).isfinite().all()
    limits = [[float(its.output_limit) for its in c.layers.values()] for c in (chip, again)]
    assert limits[0] != limits[1] and limits[1] == pytest.approx(limits[0], rel=0.5)


def test_matched_noise_has_the_deviation_that_mapping_one_layer_costs(software, digits) -> None:
    chip = wl.map_model(
        software, wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()), seed=0
    )
    b = context(chip, software, digits.take(30))
    noisy = controls.add_noise(b)
    with torch.no_grad():
        by_hand = software.conv1(digits.images[:30]) - chip.layers["conv1"](
            digits.images[:30]
        )  # biases cancel
    assert noisy.conv1.deviation == pytest.approx(float(by_hand.std()), rel=1e-3)
    assert noisy.conv1.mean == pytest.approx(-float(by_hand.mean()), rel=1e-3)
    assert not torch.equal(noisy(digits.images[:5]), noisy(digits.images[:5]))
    a, c = (controls.add_noise(b)(digits.images[:5]) for _ in range(2))
    assert torch.equal(a, c)  # a stream of its own, from the seed
    assert not any(layer._forward_pre_hooks for layer in software.modules())


def test_gain_and_another_seed_map_the_same_software_again(software, digits) -> None:
    crossbar = wl.Crossbar.preset("rethinking-32", gain=wl.UnitGain())
    chip = wl.map_model(software, crossbar, seed=4)
    b = context(chip, software, digits.take(10))
    gained, another = controls.map_with_gain(b), controls.map_other_seed(b)
    assert gained.crossbar == dataclasses.replace(crossbar, gain=wl.LeastSquaresGain())
    assert (gained.seed, another.seed, another.crossbar) == (4, 5, crossbar)
    assert torch.equal(gained.layers["fc1"].conductances, chip.layers["fc1"].conductances)


@pytest.mark.parametrize("name", ["map_with_gain", "map_other_seed", "attenuate", "add_noise"])
def test_what_is_no_chip_cannot_be_mapped_again(name, software, digits) -> None:
    with pytest.raises(Skip, match="is no `Chip`"):
        getattr(controls, name)(context(software, software, digits.take(5)))


def test_software_of_another_shape_is_no_twin(software, digits, monkeypatch) -> None:
    chip = wl.map_model(software, wl.Crossbar.preset("ideal"))
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()
    b = context(chip, other, digits.take(5))
    with pytest.raises(Skip, match="`software` has no layer 'conv1'"):
        controls.attenuate(b)
    with pytest.raises(Skip, match="no layers of the names and shapes"):
        controls.add_noise(b)
    single = nn.Linear(8, 10).eval()
    monkeypatch.setattr(controls, "outputs_of", lambda _: {"model": (torch.ones(3), torch.ones(3))})
    with pytest.raises(Skip, match="a single layer"):
        controls.add_noise(context(single, single, digits.take(5)))
    with pytest.raises(ValueError, match="`software` is a single layer"):
        replace_layer(single, "model", nn.Identity)


def test_a_twin_of_a_chip_without_matrices_is_measured_on_the_first_batch(software, digits) -> None:
    read = dataclasses.replace(
        wl.Crossbar.preset("ideal"), array=wl.IdealBackward(wl.ExactArray())
    )
    chip = wl.map_model(software, read)
    with torch.no_grad():
        for layer in chip.layers.values():
            layer.response.mul_(0.5)
    twin = controls.attenuate(context(chip, software, digits.take(60)))
    x = digits.images[:30]
    torch.testing.assert_close(twin(x), chip(x), atol=1e-4, rtol=1e-4)


def test_batch_norm_recalibration_takes_an_advantage_away(digits, software) -> None:
    train = wl.load_dataset("digits").train
    normed = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        optimiser = torch.optim.Adam(normed.parameters(), lr=1e-2)
        for _ in range(6):
            for batch in torch.randperm(len(train)).split(128):
                optimiser.zero_grad()
                nn.functional.cross_entropy(
                    normed(train.images[batch]), train.labels[batch]
                ).backward()
                optimiser.step()
    normed.eval()
    spoilt = copy.deepcopy(normed)
    spoilt[1].running_mean += (
        3 * spoilt[1].running_var.sqrt()
    )  # almost nothing passes the ReLU: few answers left
    b = context(spoilt, normed, digits.take(120), eps=0.1)
    b.calibration = train
    finding = AccuracyRestored().run(b)
    assert finding.status == "fail"
    assert finding.figures["al_advantage"] > 0.1
    assert abs(finding.figures["left_batch_norm_recalibrated"]) < 0.05
    assert "batch norm recalibrated" in finding.found


def test_comparisons_add_up(halved, software, digits) -> None:
    b = context(halved, software, digits.take(60))
    rows = {row.name: row for row in compare_all(b)}
    for row in rows.values():
        if row.measured:
            assert row.loss.value == pytest.approx(
                row.clean.value - row.adversarial.value, abs=0.02
            )
            given = rows["software"].loss.value - row.loss.value
            assert row.advantage.value == pytest.approx(given, abs=0.02)
    assert rows["software"].advantage.value == 0
    assert rows["software, attenuated as the chip"].adversarial.value == pytest.approx(
        rows["chip"].adversarial.value, abs=0.04
    )
    assert not rows["batch norm recalibrated"].measured
    alike = compare_all(context(software, software, digits.take(5)))
    left_out = {row.name: row for row in alike}["software, matched noise"]
    assert not left_out.measured and "no advantage to explain" in left_out.note


def test_a_control_that_loses_far_more_accuracy_says_nothing(software, digits) -> None:
    chip = wl.map_model(software, wl.Crossbar.preset("ideal"), seed=0)
    with torch.no_grad():
        chip.layers["fc2"].effective_weight[:3] = (
            0  # three digits are never seen: an AL advantage of lost accuracy
        )
    b = context(chip, software, digits.take(60))
    nothing = Control(controls.TWIN.name, lambda _: scaled(software=software, factor=0.0))
    base_run(b, nothing)  # kept under the name: attenuated to nothing, no accuracy at all
    finding = ShrinkExplainsNothing().run(b)
    assert finding.figures["al_advantage"] > 0.05
    assert finding.figures["ca_below_chip"] > 0.3
    assert finding.status == "pass" and "says nothing" in finding.found


def test_without_an_advantage_nothing_is_explained(software, digits) -> None:
    b = context(software, software, digits.take(20))
    for check in (AccuracyRestored(), ShrinkExplainsNothing()):
        finding = check.run(b)
        assert finding.status == "pass"
        assert "no advantage to explain" in finding.found
