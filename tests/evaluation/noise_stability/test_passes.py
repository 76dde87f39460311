"""Passes with noise of known power, hidden draws, shared layers and layers that are left out."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

import wordline as wl

from .two_matrices import A1, A2, N1, Two, X, squares, stability


class Noisy(nn.Module):
    """A layer with Gaussian noise of known power on its output."""

    def __init__(self, layer: nn.Linear, sigma: float) -> None:
        super().__init__()
        self.layer, self.sigma, self.stochastic = layer, sigma, True
        self.generator = torch.Generator().manual_seed(1)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        made = self.layer(x)
        return made + self.sigma * torch.randn(
            made.shape, generator=self.generator, dtype=made.dtype
        )


def test_gaussian_noise_of_known_power_averaged_over_draws() -> None:
    wide = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    soft, sigma = Two(wide, torch.ones(2, 4000, dtype=torch.float64)), 0.3
    chip = copy.deepcopy(soft)
    chip.first = Noisy(chip.first, sigma)
    row = stability(soft, chip, draws=30)["first"]
    power = squares(X.flatten(1) @ wide.T)
    assert row.snr.mean == pytest.approx(
        float((power / (4000 * sigma**2) + 1).mean()), rel=0.01
    )  # b holds the noise
    assert row.noise_sensitivity.mean == pytest.approx(
        float((4000 * sigma**2 / power).mean()), rel=0.01
    )


def test_a_chip_that_draws_from_the_global_generator_is_seeded() -> None:
    class Secret(Two):
        def forward(self, images: Tensor) -> Tensor:
            made = self.first(images.flatten(1))
            return self.second(made + 0.1 * torch.randn_like(made))

    soft, chip = Two(A1, A2), Secret(A1, A2)
    before = torch.get_rng_state()
    found = [stability(soft, chip, draws=3) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert found[0] == found[1] and found[0].draws == 3
    assert math.isfinite(found[0]["second"].snr.mean) and found[0]["first"].snr.mean == math.inf


def test_a_shared_layer_has_a_row_a_call() -> None:
    class Shared(nn.Module):
        def __init__(self, weight: Tensor) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4, bias=False, dtype=weight.dtype)
            self.layer.weight.data = weight
            self.eval()

        def forward(self, images: Tensor) -> Tensor:
            return self.layer(self.layer(images.flatten(1)))

    w, v = A1[:4], A1[:4] + 0.2 * N1[:4]
    found = stability(Shared(w), Shared(v))
    assert [row.title for row in found.layers] == ["layer", "layer (call 2)"]
    x = X.flatten(1)
    for row, times in zip(found.layers, (1, 2), strict=True):
        a, b = x @ torch.matrix_power(w.T, times), x @ torch.matrix_power(v.T, times)
        assert row.snr.mean == pytest.approx(float((squares(b) / squares(a - b)).mean()))
    rest = squares(x @ w.T @ w.T).sqrt() * 2 / (w.norm() * squares(x @ w.T).sqrt())
    assert found["layer"].interlayer_cushion.mean == pytest.approx(float(rest.mean()))


def test_hooks_go_when_a_pass_fails() -> None:
    class Falls(Two):
        def forward(self, images: Tensor) -> Tensor:
            self.first(images.flatten(1))
            if len(images) > 1:
                raise ArithmeticError("fell")
            return super().forward(images)

    chip = Falls(A1, A2)
    with pytest.raises(ArithmeticError, match="fell"):
        stability(Two(A1, A2), chip)
    assert not chip.first._forward_hooks


def test_layers_that_nothing_passes_or_nobody_has_are_named() -> None:
    class Spare(Two):
        def __init__(self, *weights: Tensor) -> None:
            super().__init__(*weights)
            self.spare = nn.Linear(2, 2).double().eval()

    software = Spare(A1, A2)
    assert stability(software, wl.map_model(software, wl.Crossbar.preset("ideal"))).left_out == (
        "spare",
    )
    chip = wl.map_model(software, wl.Crossbar.preset("ideal"))
    assert stability(Two(A1, A2), chip).left_out == ("spare",)
