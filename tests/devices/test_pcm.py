"""Phase-change memory against closed forms written out from the published constants."""

import dataclasses
import math

import pytest
import torch

import wordline as wl
from wordline.devices import FlickerNoise, PCMDrift, PolynomialVariation
from wordline.mapping import program_devices

PCM = wl.Memristor(r_on_ohm=40e3, r_off_ohm=math.inf)  # 25 uS, and no off conductance
COUNT = 200_000
HOUR = 3600.0


def devices(microsiemens: float) -> torch.Tensor:
    return torch.full((COUNT,), microsiemens * 1e-6, dtype=torch.float64)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_device_without_off_conductance_holds_zero() -> None:
    assert PCM.g_off_siemens == 0.0
    assert PCM.conductance(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0.0, 25e-6])
    assert wl.Memristor.from_json(PCM.to_json()) == PCM


@pytest.mark.parametrize("g", [25.0, 20.0, 12.5])
def test_programming_has_the_deviation_of_the_polynomial(g: float) -> None:
    variation = PolynomialVariation((0.26348e-6, 1.9650e-6, -1.1731e-6))
    drawn = 1e6 * variation.apply(devices(g), PCM, generator=stream())
    share = g / 25
    sigma = 0.26348 + 1.9650 * share - 1.1731 * share**2
    assert drawn.mean() == pytest.approx(g, abs=5 * sigma / math.sqrt(COUNT))
    assert drawn.std() == pytest.approx(sigma, rel=5 / math.sqrt(2 * COUNT))


def test_a_device_of_zero_is_programmed_to_half_a_normal_number() -> None:
    variation = PolynomialVariation((0.26348e-6, 1.9650e-6, -1.1731e-6))
    drawn = 1e6 * variation.apply(devices(0.0), PCM, generator=stream())
    assert (drawn == 0).double().mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.mean() == pytest.approx(0.26348 / math.sqrt(2 * math.pi), rel=0.02)
    negative = PolynomialVariation((-1e-6,)).apply(devices(5.0), PCM, generator=stream())
    assert torch.equal(negative, devices(5.0))


@pytest.mark.parametrize(
    ("g", "mean", "deviation"),
    [
        (25.0, 0.049, 0.008),
        (1.0, -0.0155 * math.log(0.04) + 0.0244, -0.0125 * math.log(0.04) - 0.0059),
        (0.0, 0.1, 0.045),
    ],
)
def test_exponents_follow_the_target(g: float, mean: float, deviation: float) -> None:
    held = devices(10.0)  # whatever programming made of the target
    drift = PCMDrift(time_s=20 + HOUR)
    after = drift.apply_to_target(held, devices(g), PCM, generator=stream())
    nu = -(after / held).log() / math.log((20 + HOUR) / 20)
    z = mean / deviation  # |mean + deviation n| is a folded normal number
    folded = deviation * math.sqrt(2 / math.pi) * math.exp(-z * z / 2) + mean * math.erf(
        z / math.sqrt(2)
    )
    spread = math.sqrt(mean**2 + deviation**2 - folded**2)
    assert nu.mean() == pytest.approx(folded, abs=5 * spread / math.sqrt(COUNT))
    assert nu.std() == pytest.approx(spread, rel=0.01)
    assert torch.equal(PCMDrift(time_s=20).apply(held, PCM, generator=stream()), held)


def test_a_chip_drifts_by_its_targets_in_one_piece_or_in_place() -> None:
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("ideal"), device=PCM,
        nonidealities=(PolynomialVariation((1e-5,)), PCMDrift(time_s=HOUR)),
    )  # fmt: skip
    target = devices(1.0)[:1000]
    made = program_devices(target.clone(), crossbar, generator=stream())
    placed = program_devices(target.clone(), crossbar, generator=stream(), overwrite=True)
    assert torch.equal(made, placed)
    draws = stream()
    held = crossbar.nonidealities[0].apply(target, PCM, generator=draws)
    expected = PCMDrift(time_s=HOUR).apply_to_target(held, target, PCM, generator=draws)
    assert torch.equal(made, expected)


@pytest.mark.parametrize(("g", "q"), [(25.0, 0.0088), (5.0, 0.0088 / 0.2**0.65), (0.001, 0.2)])
def test_flicker_noise_has_its_deviation(g: float, q: float) -> None:
    noise = FlickerNoise(time_s=20 + HOUR)
    s = q * math.sqrt(math.log((20 + HOUR + 250e-9) / 500e-9))
    assert noise.relative_deviation(devices(g)[:1] / 25e-6).item() == pytest.approx(s)
    drawn = noise.apply(devices(g), PCM, generator=stream()) / (g * 1e-6)
    if s < 0.25:  # no device reaches zero
        assert drawn.mean() == pytest.approx(1.0, abs=5 * s / math.sqrt(COUNT))
        assert drawn.std() == pytest.approx(s, rel=5 / math.sqrt(2 * COUNT))
    else:
        assert (drawn == 0).double().mean() == pytest.approx(
            0.5 * math.erfc(1 / s / math.sqrt(2)), abs=0.01
        )


def test_flicker_noise_is_drawn_at_each_read_or_once() -> None:
    noise = FlickerNoise(time_s=HOUR)
    assert noise.per_read and not noise.frozen_noise().per_read
    assert noise.scaled_noise(2.0).scale == 2.0
    assert noise.frozen_noise().scaled_noise(2.0) == noise.frozen_noise()


def test_derivatives_by_the_conductances() -> None:
    g = torch.tensor([3e-6, 2e-5], dtype=torch.float64).requires_grad_()
    for entry in (
        PolynomialVariation((0.26348e-6, 1.9650e-6, -1.1731e-6)), FlickerNoise(HOUR),
        PCMDrift(HOUR),
    ):  # fmt: skip
        assert torch.autograd.gradcheck(
            lambda x, entry=entry: 1e6 * entry.apply_to_target(
                1e-6 * x, g.detach(), PCM, generator=stream()
            ),
            (1e6 * g.detach()).requires_grad_(),
        )  # fmt: skip


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="`coefficients_siemens` must be a tuple"):
        PolynomialVariation(())
    with pytest.raises(ValueError, match="`coefficients_siemens` must be a finite number"):
        PolynomialVariation((math.nan,))
    with pytest.raises(ValueError, match="`time_s` must be at least 20"):
        PCMDrift(time_s=1.0)
    with pytest.raises(ValueError, match="`time_s` must be at least"):
        FlickerNoise(time_s=1e-9)
    with pytest.raises(ValueError, match="which writing a device again does not redraw"):
        wl.WriteVerify(PCMDrift(time_s=HOUR), tolerance=0.1, attempts=2)
