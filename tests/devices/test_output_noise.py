"""Output noise as a value: its strength, its forms, and the crossbars that may have it."""

import dataclasses

import pytest
import torch

import wordline as wl
from wordline.devices import OutputBound
from wordline.mapping.full_scale import UNMEASURED, column_noise, full_scale_ampere

IDEAL = wl.Crossbar.preset("ideal")  # 64 x 64, 20k / 200k: a window of 45 uS at 0.25 V


@pytest.mark.parametrize(
    ("span", "microampere"),
    [
        (wl.FullScale(), 0.1 * 64 * 0.25 * 50),  # 64 on cells of 50 uS
        (wl.FullScale(0.5), 0.1 * 32 * 0.25 * 50),
        (wl.FixedRange(3e-6), 0.1 * 3),
        (OutputBound(10), 0.1 * 10 * 0.25 * 45),  # products fill the window
    ],
)
def test_the_noise_of_a_column_in_amperes(span: wl.AbstractRange, microampere: float) -> None:
    crossbar = dataclasses.replace(IDEAL, output_noise=wl.OutputNoise(0.1, span))
    ampere = column_noise(crossbar, UNMEASURED) * full_scale_ampere(crossbar)
    assert ampere == pytest.approx(1e-6 * microampere, rel=1e-12)


def test_frozen_and_scaled_noise() -> None:
    noise, still = wl.OutputNoise(0.1), wl.OutputNoise(0.1, frozen=True)
    assert noise.frozen_noise() == still and not still.per_read
    assert noise.scaled_noise(3.0).sigma == pytest.approx(0.3) and still.scaled_noise(3.0) == still
    none = wl.OutputNoise(0.0)
    assert none.frozen_noise() == none and not none.per_read


def test_a_crossbar_without_output_noise_has_the_identity_that_it_had() -> None:
    assert "output_noise" not in IDEAL.identity() and IDEAL.is_matrix
    noisy = dataclasses.replace(IDEAL, output_noise=wl.OutputNoise(0.1))
    assert noisy.stochastic and not noisy.noisy_devices and not noisy.is_matrix
    assert wl.Crossbar.from_json(noisy.to_json()) == noisy
    assert noisy.frozen_noise.output_noise.frozen and not noisy.frozen_noise.stochastic
    assert noisy.with_noise(2.0).output_noise.sigma == 0.2
    assert noisy.with_noise(0.0).is_matrix


def test_a_measured_range_is_that_of_the_converter() -> None:
    noise = wl.OutputNoise(0.1, wl.Calibrated(99.0))
    adc = wl.UniformConverter(bits=8, range=wl.Calibrated(99.0))
    noisy = dataclasses.replace(IDEAL, output_noise=noise, adc=adc)
    assert column_noise(noisy, torch.tensor(5.0)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="`output_noise` has the range"):
        dataclasses.replace(IDEAL, output_noise=noise)
    with pytest.raises(ValueError, match="`output_noise` has the range"):
        dataclasses.replace(noisy, adc=wl.UniformConverter(bits=8, range=wl.FullScale()))


def test_bad_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="`sigma` must be at least 0"):
        wl.OutputNoise(-0.1)
    with pytest.raises(TypeError, match="`range` must be AbstractOutputRange"):
        wl.OutputNoise(0.1, wl.SampleMax())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`frozen` must be bool"):
        wl.OutputNoise(0.1, frozen=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`products` must be greater than 0"):
        OutputBound(0.0)
    with pytest.raises(TypeError, match="`range` must be SampleMax or FixedRange"):
        wl.IdealConverter(range=wl.Calibrated())
    with pytest.raises(TypeError, match="`output_noise` must be OutputNoise"):
        dataclasses.replace(IDEAL, output_noise=wl.ReadNoise(0.1))  # type: ignore[arg-type]
