"""Linear networks have every figure in closed form; nothing of a network is touched."""

import copy
import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import wordline as wl
from wordline.zoo import ImageSplit

G = torch.Generator().manual_seed(5)
A1, A2, N1, N2 = (torch.randn(o, i, generator=G, dtype=torch.float64) for o, i in ((6, 4), (3, 6), (6, 4), (3, 6)))
X = torch.rand(5, 1, 2, 2, generator=G, dtype=torch.float64)
SPLIT = ImageSplit(X, torch.zeros(5, dtype=torch.int64), "greys")


class Two(nn.Module):
    """Two matrices, with an activation or none between them."""

    def __init__(self, first: Tensor, second: Tensor, between: nn.Module | None = None) -> None:
        super().__init__()
        self.first = nn.Linear(first.shape[1], first.shape[0], bias=False, dtype=first.dtype)
        self.second = nn.Linear(second.shape[1], second.shape[0], bias=False, dtype=second.dtype)
        self.first.weight.data, self.second.weight.data = first.clone(), second.clone()
        self.between = between or nn.Identity()
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.between(self.first(images.flatten(1))))


def stability(software: nn.Module, chip: nn.Module, **changes: object) -> wl.NoiseStability:
    arguments = {"software": software, "chip": chip, "data": SPLIT}
    return wl.noise_stability(**{**arguments, **changes})


def squares(values: Tensor) -> Tensor:
    return (values * values).sum(1)


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
    assert first.noise_sensitivity.mean == pytest.approx(float((squares(a - b) / squares(a)).mean()))
    assert first.noise_factor.mean == math.inf  # an image has no noise
    assert second.snr.mean == pytest.approx(float(snr2.mean())) == found.logits.snr.mean
    assert second.noise_factor.mean == pytest.approx(float((snr1 / snr2).mean()))
    assert found.logits.noise_sensitivity.mean == pytest.approx(float((squares(ya - yb) / squares(ya)).mean()))
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
    assert many["first"].interlayer_cushion.mean == pytest.approx(closed, rel=0.03)  # repeated rows change no ratio
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
    expected = offset * squares(a).sqrt() / (squares(b - a).sqrt() * squares(soft(x).detach()).sqrt())
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
    assert found.activation_contraction.mean == pytest.approx(float((squares(a) / squares(up)).sqrt().mean()))
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
    cushion = squares(by_hand).sqrt() / (soft[0].weight.detach().norm() * squares(X.flatten(1)).sqrt())
    assert row.layer_cushion.mean == pytest.approx(float(cushion.mean()))
    assert row.snr.mean == pytest.approx(9.0)  # (1.5 / 0.5)^2


@settings(max_examples=20)
@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_scales_of_images_and_weights_change_nothing(images: float, first: float, second: float) -> None:
    base = stability(Two(A1, A2, nn.ReLU()), Two(A1 + N1, A2 + N2, nn.ReLU()))
    dimmed = dataclasses.replace(SPLIT, images=X * images / 10)
    found = stability(
        Two(first * A1, second * A2, nn.ReLU()), Two(first * (A1 + N1), second * (A2 + N2), nn.ReLU()), data=dimmed
    )
    for one, other in zip(base.layers, found.layers, strict=True):
        for field in dataclasses.fields(one)[2:]:
            a, b = getattr(one, field.name).mean, getattr(other, field.name).mean
            assert a == pytest.approx(b, rel=1e-6, abs=1e-9), field.name


class Noisy(nn.Module):
    """A layer with Gaussian noise of known power on its output."""

    def __init__(self, layer: nn.Linear, sigma: float) -> None:
        super().__init__()
        self.layer, self.sigma, self.stochastic = layer, sigma, True
        self.generator = torch.Generator().manual_seed(1)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        made = self.layer(x)
        return made + self.sigma * torch.randn(made.shape, generator=self.generator, dtype=made.dtype)


def test_gaussian_noise_of_known_power_averaged_over_draws() -> None:
    wide = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    soft, sigma = Two(wide, torch.ones(2, 4000, dtype=torch.float64)), 0.3
    chip = copy.deepcopy(soft)
    chip.first = Noisy(chip.first, sigma)
    row = stability(soft, chip, draws=30)["first"]
    power = squares(X.flatten(1) @ wide.T)
    assert row.snr.mean == pytest.approx(float((power / (4000 * sigma**2) + 1).mean()), rel=0.01)  # b holds the noise
    assert row.noise_sensitivity.mean == pytest.approx(float((4000 * sigma**2 / power).mean()), rel=0.01)


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


@pytest.fixture(scope="module")
def mapped() -> tuple[nn.Module, wl.Chip, ImageSplit]:
    crossbar = wl.Crossbar.preset("rethinking-32", gain=wl.LeastSquaresGain())
    crossbar = dataclasses.replace(
        crossbar, nonidealities=(wl.ReadNoise(0.05),), adc=wl.UniformConverter(8, range=wl.FullScale(0.2))
    )
    software = wl.load_model("digits-cnn")
    return software, wl.map_model(software, crossbar, seed=0), wl.load_dataset("digits").test.take(6)


def test_nothing_of_either_network_is_touched(mapped, no_global_draws) -> None:
    software, chip, digits = mapped
    software.requires_grad_(True)
    chip(digits.images[:2])
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in (software, chip)]
    layers = chip.layers.values()
    streams = [(layer.noise.seed, layer.noise.reads, layer.tally.conversions) for layer in layers]
    first = wl.noise_stability(software=software, chip=chip, data=digits, draws=2)
    assert first.draws == 2 and [row.name for row in first.layers] == ["conv1", "conv2", "fc1", "fc2"]
    for model, state in zip((software, chip), before, strict=True):
        for name, value in model.state_dict().items():  # ranges that nobody measured are NaN
            torch.testing.assert_close(value, state[name], rtol=0, atol=0, equal_nan=True)
        for module in model.modules():
            assert not module.training and not module._forward_hooks and not module._forward_pre_hooks
        assert all(p.grad is None for p in model.parameters())
    assert streams == [(layer.noise.seed, layer.noise.reads, layer.tally.conversions) for layer in layers]
    assert wl.noise_stability(software=software, chip=chip, data=digits, draws=2) == first


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


def test_the_ideal_chip_has_no_noise_and_more_noise_lowers_the_snr(mapped) -> None:
    software, _, digits = mapped
    ideal = wl.noise_stability(
        software=software, chip=wl.map_model(software, wl.Crossbar.preset("ideal")), data=digits
    )
    assert ideal.logits.snr_db > 90
    found = []
    for sigma in (0.02, 0.1):
        crossbar = dataclasses.replace(wl.Crossbar.preset("ideal"), nonidealities=(wl.GaussianVariation(sigma),))
        chip = wl.map_model(software, crossbar)
        found.append(wl.noise_stability(software=software, chip=chip, data=digits))
    assert all(few.snr.mean > 2 * many.snr.mean for few, many in zip(*(r.layers for r in found), strict=True))


def test_prints_and_survives_json(mapped) -> None:
    software, chip, digits = mapped
    found = wl.noise_stability(software=software, chip=chip, data=digits, limit=3, draws=2)
    assert wl.NoiseStability.from_json(found.to_json()) == found
    text = str(found)
    assert "conv2" in text and "logits" in text and "dB" in text and "3 images of digits, 2 draws" in text
    with pytest.raises(KeyError):
        found["conv9"]


def test_layers_that_nothing_passes_or_nobody_has_are_named() -> None:
    class Spare(Two):
        def __init__(self, *weights: Tensor) -> None:
            super().__init__(*weights)
            self.spare = nn.Linear(2, 2).double().eval()

    software = Spare(A1, A2)
    assert stability(software, wl.map_model(software, wl.Crossbar.preset("ideal"))).left_out == ("spare",)
    chip = wl.map_model(software, wl.Crossbar.preset("ideal"))
    assert stability(Two(A1, A2), chip).left_out == ("spare",)


class Thrice(Two):
    """Calls its first layer once more than the others do."""

    def forward(self, images: Tensor) -> Tensor:
        self.first(images.flatten(1))
        return super().forward(images)


class Pair(Two):
    """Gives more than logits."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:, :, None]


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"chip": Two(A1, A2).train()}, ValueError, "`chip` is in training mode"),
        ({"software": Two(A1, A2).train()}, ValueError, "`software` is in training mode"),
        ({"software": 3}, TypeError, "`software` must be a torch.nn.Module"),
        ({"data": 3}, TypeError, "`data` must be ImageSplit"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"draws": 0}, ValueError, "`draws` must be at least 1"),
        ({"probes": 0}, ValueError, "`probes` must be at least 1"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"chip": nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).double().eval()}, ValueError, "by the same name"),
        ({"chip": Thrice(A1, A2)}, ValueError, "`chip` calls its layers 3 times in a pass, `software` 2 times"),
        ({"chip": Two(A1[:5], A2[:, :5])}, ValueError, r"`chip` layer 'first' makes \(5, 5\), that of `software`"),
        ({"chip": Pair(A1, A2)}, TypeError, r"`chip` must give logits of shape \(5, classes\), got \(5, 3, 1\)"),
        ({"software": Pair(A1, A2)}, TypeError, "`software` must give logits"),
    ],
)
def test_bad_arguments_are_refused(change, kind, message) -> None:
    with pytest.raises(kind, match=message):
        stability(**{"software": Two(A1, A2), "chip": Two(A1, A2), **change})
