"""Linear networks have every figure in closed form; activations curve them; scales change
nothing.
"""

import copy
import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from .two_matrices import A1, A2, N1, N2, SPLIT, Two, X, squares, stability


def test_every_figure_of_a_linear_network() -> None:
    b1, b2 = A1 + 0.1 * N1, A2 + 0.1 * N2
    found = stability(Two(A1, A2), Two(b1, b2), batch_size=2)
    x = X.flatten(1)
    a, b = x @ A1.T, x @ b1.T
    ya, yb = a @ A2.T, b @ b2.T
    first, second = found["first"], found["second"]
    snr1, snr2 = squares(b) / squares(a - b), squares(yb) / squares(ya - yb)
    assert first.snr.mean == pytest.approx(float(snr1.mean()))
    assert first.snr.median == pytest.approx(float(snr1.median()))
    assert first.snr_db == pytest.approx(10 * math.log10(float(snr1.mean())))
    assert first.noise_sensitivity.mean == pytest.approx(
        float((squares(a - b) / squares(a)).mean())
    )
    assert first.noise_factor.mean == math.inf  # an image has no noise
    assert second.snr.mean == pytest.approx(float(snr2.mean())) == found.logits.snr.mean
    assert second.noise_factor.mean == pytest.approx(float((snr1 / snr2).mean()))
    assert found.logits.noise_sensitivity.mean == pytest.approx(
        float((squares(ya - yb) / squares(ya)).mean())
    )
    cushion = squares(a).sqrt() / (float((A1 * A1).sum()) ** 0.5 * squares(x).sqrt())
    assert first.layer_cushion.mean == pytest.approx(float(cushion.mean()))
    reach = squares(ya).sqrt() * 6**0.5 / (float((A2 * A2).sum()) ** 0.5 * squares(a).sqrt())
    assert first.interlayer_cushion.mean == pytest.approx(float(reach.mean()))
    assert second.interlayer_cushion.mean == pytest.approx(1.0)  # J is the identity
    assert first.activation_contraction.mean == second.activation_contraction.mean == 1.0
    for row in found.layers:
        assert row.interlayer_smoothness.mean == pytest.approx(0.0, abs=1e-12)
        assert row.interlayer_curvature.mean == pytest.approx(0.0, abs=1e-12)
    assert (found.images, found.draws, found.left_out, found.exact_jacobian) == (5, 1, (), True)


def test_more_classes_than_probes_estimate_one_norm_and_nothing_else() -> None:
    soft, chip = Two(A1, A2, nn.Tanh()), Two(A1 + 0.1 * N1, A2, nn.Tanh())
    exact, estimate = stability(soft, chip), stability(soft, chip, probes=2)
    many = stability(Two(A1, A2.repeat(700, 1)), Two(A1 + 0.1 * N1, A2.repeat(700, 1)), probes=2000)
    again = stability(Two(A1, A2.repeat(700, 1)), Two(A1 + 0.1 * N1, A2.repeat(700, 1)))
    assert not estimate.exact_jacobian and not many.exact_jacobian
    for one, other in zip(exact.layers, estimate.layers, strict=True):
        kept = dataclasses.replace(other, interlayer_cushion=one.interlayer_cushion)
        for field in dataclasses.fields(kept)[2:]:
            assert getattr(kept, field.name).mean == pytest.approx(getattr(one, field.name).mean)
    closed = stability(Two(A1, A2), Two(A1 + 0.1 * N1, A2))["first"].interlayer_cushion.mean
    assert many["first"].interlayer_cushion.mean == pytest.approx(
        closed, rel=0.03
    )  # repeated rows change no ratio
    assert again["first"].interlayer_cushion.mean != many["first"].interlayer_cushion.mean
    assert stability(soft, chip, probes=2) == estimate != stability(soft, chip, probes=2, seed=1)


def test_biases_are_no_noise_of_the_map() -> None:
    soft = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.Linear(6, 3)).double().eval()
    chip = copy.deepcopy(soft)
    chip[1].weight.data += 0.1 * N1
    row = stability(soft, chip)["1"]
    x = X.flatten(1)
    w1, w2 = soft[1].weight.detach(), soft[2].weight.detach()
    offset = (w2 @ torch.zeros(6).double() + soft[2].bias).detach().norm()
    a, b = soft[1](x).detach(), chip[1](x).detach()
    expected = (
        offset * squares(a).sqrt() / (squares(b - a).sqrt() * squares(soft(x).detach()).sqrt())
    )
    assert row.interlayer_smoothness.mean == pytest.approx(float(expected.mean()))
    assert row.interlayer_curvature.mean == pytest.approx(0.0, abs=1e-9)
    cushion = squares(x @ w1.T).sqrt() / (w1.norm() * squares(x).sqrt())  # A z without the bias
    assert row.layer_cushion.mean == pytest.approx(float(cushion.mean()))


@pytest.mark.parametrize("between", [nn.ReLU(), nn.ReLU(inplace=True), None])
def test_activations_contract_and_curve(between) -> None:
    class Functional(Two):
        def forward(self, images: Tensor) -> Tensor:
            return self.second(functional.relu(self.first(images.flatten(1))))

    make = Functional if between is None else Two
    found = stability(make(A1, A2, between), make(A1 + N1, A2, between))["first"]
    a, b = X.flatten(1) @ A1.T, X.flatten(1) @ (A1 + N1).T
    up = a.clamp_min(0)
    assert found.activation_contraction.mean == pytest.approx(
        float((squares(a) / squares(up)).sqrt().mean())
    )
    mask = (a > 0).double()
    moved, straight = b.clamp_min(0) @ A2.T, (mask * b) @ A2.T
    curved = squares(moved - straight).sqrt() * squares(a).sqrt()
    curved = curved / (squares(b - a).sqrt() * squares(up @ A2.T).sqrt())
    assert float(curved.mean()) > 0.01
    assert found.interlayer_smoothness.mean == pytest.approx(float(curved.mean()))
    assert found.interlayer_curvature.mean == pytest.approx(float(curved.mean()))


def test_a_convolution_counts_its_kernel_once() -> None:
    soft = nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.Flatten()).double().eval()
    chip = copy.deepcopy(soft)
    chip[0].weight.data *= 1.5
    row = stability(soft, chip)["0"]
    by_hand = torch.einsum("nchw,ochw->no", X, soft[0].weight.detach())
    cushion = squares(by_hand).sqrt() / (
        soft[0].weight.detach().norm() * squares(X.flatten(1)).sqrt()
    )
    assert row.layer_cushion.mean == pytest.approx(float(cushion.mean()))
    assert row.snr.mean == pytest.approx(9.0)  # (1.5 / 0.5)^2


@settings(max_examples=20)
@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_scales_of_images_and_weights_change_nothing(
    images: float, first: float, second: float
) -> None:
    base = stability(Two(A1, A2, nn.ReLU()), Two(A1 + N1, A2 + N2, nn.ReLU()))
    dimmed = dataclasses.replace(SPLIT, images=X * images / 10)
    found = stability(
        Two(first * A1, second * A2, nn.ReLU()),
        Two(first * (A1 + N1), second * (A2 + N2), nn.ReLU()),
        data=dimmed,
    )
    for one, other in zip(base.layers, found.layers, strict=True):
        for field in dataclasses.fields(one)[2:]:
            a, b = getattr(one, field.name).mean, getattr(other, field.name).mean
            assert a == pytest.approx(b, rel=1e-6, abs=1e-9), field.name
