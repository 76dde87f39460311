"""Devices: the window, its levels, and the statistics of variation."""

import pytest
import torch

from wordline.devices import GaussianVariation, Memristor


def test_window_ends_and_middle() -> None:
    device = Memristor(r_on_ohm=20e3, r_off_ohm=200e3)
    g = device.conductance(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    torch.testing.assert_close(g, torch.tensor([5e-6, 27.5e-6, 50e-6], dtype=torch.float64))


def test_levels_are_evenly_spaced_and_pass_gradients_through() -> None:
    device = Memristor(r_on_ohm=1.0, r_off_ohm=2.0, levels=5)  # 0.5, 0.625, ..., 1
    share = torch.linspace(0, 1, 101, dtype=torch.float64, requires_grad=True)
    g = device.conductance(share)
    assert sorted(set(g.tolist())) == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert float((g - (0.5 + 0.5 * share)).detach().abs().max()) <= 0.0625 + 1e-12
    (gradient,) = torch.autograd.grad(g.sum(), share)
    torch.testing.assert_close(gradient, torch.full_like(gradient, 0.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0), "`r_on_ohm` must be greater than 0"),
        ((-5.0, 1.0), "`r_on_ohm` must be greater than 0"),
        ((2e5, 2e4), "`r_off_ohm` must be greater than `r_on_ohm`"),
        ((2e4, 2e4), "`r_off_ohm` must be greater than `r_on_ohm`"),
        ((float("nan"), 1.0), "`r_on_ohm` must be a finite number"),
        ((1.0, 2.0, 1), "`levels` must be 0 .continuous. or at least 2"),
        ((1.0, 2.0, -1), "`levels` must be at least 0"),
    ],
)
def test_impossible_devices_are_refused(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Memristor(*arguments)


def test_variation_has_the_mean_and_deviation_it_says() -> None:
    g = torch.full((400, 400), 5e-5)
    varied = (
        GaussianVariation(0.1).apply(
            g, Memristor(2e4, 2e5), generator=torch.Generator().manual_seed(1)
        )
        / g
    )
    assert abs(float(varied.mean()) - 1) < 1e-3  # 4 standard errors
    assert abs(float(varied.std()) - 0.1) < 1e-3


def test_variation_never_makes_a_negative_conductance() -> None:
    g = torch.full((100, 100), 5e-5)
    varied = GaussianVariation(2.0).apply(g, Memristor(2e4, 2e5), generator=torch.Generator())
    assert float(varied.min()) == 0.0


def test_variation_is_the_same_in_both_precisions() -> None:
    g = torch.rand(5, 7, dtype=torch.float64)
    device, variation = Memristor(2e4, 2e5), GaussianVariation(0.2)
    double = variation.apply(g, device, generator=torch.Generator().manual_seed(3))
    single = variation.apply(g.float(), device, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(double.float(), single)


def test_negative_sigma_is_refused() -> None:
    with pytest.raises(ValueError, match="`sigma` must be at least 0, got -0.1"):
        GaussianVariation(sigma=-0.1)
