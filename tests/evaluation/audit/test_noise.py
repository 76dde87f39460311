"""Checks of stochastic networks: a ladder of noise, frozen noise, draws of gradients."""

import pytest
from torch import nn

import wordline as wl
from wordline.evaluation.audit import noise
from wordline.evaluation.audit.audited_model import AuditedModel
from wordline.evaluation.audit.check import Skip
from wordline.evaluation.audit.crafting import AuditSettings
from wordline.evaluation.audit.gradients import GradientNoise

from .conftest import Noise
from .small import context


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
