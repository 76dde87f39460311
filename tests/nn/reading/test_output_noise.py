"""Output noise in the outputs of layers: its closed forms, its draws, and its derivative."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import wordline as wl
from wordline.devices import OutputBound
from wordline.mapping import OffsetColumn

# One product of the largest weight and the largest input, 2, is one unit.
MATRIX = dataclasses.replace(
    wl.Crossbar.preset("ideal"), tile=(4, 4), dac=wl.IdealConverter(range=wl.FixedRange(2.0)),
    output_noise=wl.OutputNoise(0.04, OutputBound(1.0)),
)  # fmt: skip
FINE = wl.UniformConverter(bits=20, range=wl.FullScale())  # steps of 1e-5 of a unit
READ = dataclasses.replace(MATRIX, adc=FINE)
WIRES = dataclasses.replace(
    READ, wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(0.1),), gain=wl.PerColumnGain(),
)  # fmt: skip
CURVED = dataclasses.replace(MATRIX, array=wl.NonlinearArray(wl.SinhDevice(1.0)))
TWO_SIDED = dataclasses.replace(MATRIX, encoding=wl.DifferentialPair(two_sided=True))
DIGITS = dataclasses.replace(
    MATRIX, slicing=wl.BitSlicing(7, 3, 6, 2), dac=wl.UniformConverter(6, wl.FixedRange(2.0))
)
CROSSBARS = {
    "matrix": MATRIX, "converters": READ, "wires": WIRES, "curved": CURVED, "two-sided": TWO_SIDED,
    "digits": DIGITS,
}  # fmt: skip
X = torch.linspace(-1, 1, 24).view(4, 6)
PASSES = 400


@pytest.fixture
def model() -> nn.Linear:
    layer = nn.Linear(6, 5).eval()
    weight = torch.linspace(-0.4, 0.5, 30).view(5, 6)
    layer.load_state_dict({"weight": weight, "bias": torch.zeros(5)})
    return layer


@torch.no_grad()
def draws_of(chip: wl.Chip, x: Tensor, passes: int = PASSES) -> Tensor:
    """Noise of many passes, float64."""
    still = chip.with_noise(0.0)(x)
    return torch.stack([chip(x) - still for _ in range(passes)]).double()


@pytest.mark.parametrize("name", CROSSBARS)
def test_a_layer_says_the_deviation_of_its_outputs(name: str, model: nn.Linear) -> None:
    chip = wl.map_model(model, CROSSBARS[name], seed=1)
    noise = draws_of(chip, X) / chip.layers["model"].output_noise_std(X)
    count = noise.numel()  # 8000: five standard errors are 4 % of the deviation
    assert abs(noise.mean()) < 5 / math.sqrt(count)
    assert noise.std() == pytest.approx(1.0, abs=5 / math.sqrt(2 * count))
    assert (noise**4).mean() == pytest.approx(3.0, abs=5 * math.sqrt(96 / count))  # Gaussian
    flat = noise.flatten(1)  # passes are independent, and so are samples and columns
    correlation = torch.corrcoef(flat.T) - torch.eye(20)
    assert correlation.abs().max() < 5 / math.sqrt(PASSES)


def test_the_deviation_in_numbers(model: nn.Linear) -> None:
    layer = wl.map_model(model, MATRIX, seed=1).layers["model"]
    # two row tiles of a pair; the largest weight 0.5 times the largest input 2; sigma 0.04
    expected = torch.full((5,), 0.04 * math.sqrt(2 * 2) * 0.5 * 2.0)
    torch.testing.assert_close(layer.output_noise_std(), expected)
    torch.testing.assert_close(layer.output_noise_std(X), expected.expand(4, 5))
    quiet = dataclasses.replace(MATRIX, output_noise=wl.OutputNoise(0.0))
    quiet_layer = wl.map_model(model, quiet, seed=1).layers["model"]
    assert not quiet_layer.output_noise_std().any()
    assert quiet_layer.output_noise_std(X).shape == (4, 5)


def test_the_deviation_of_digits_in_numbers(model: nn.Linear) -> None:
    layer = wl.map_model(model, DIGITS, seed=1).layers["model"]
    # 6 bits in 2 slices of 3, 7/63 and 56/63; 5 bits in 3 reads of 2, 3, 12 and 48 of 31, two signs
    slices, reads = (7**2 + 56**2) / 63**2, 2 * (3**2 + 12**2 + 48**2) / 31**2
    expected = torch.full((4, 5), 0.04 * math.sqrt(2 * 2 * slices * reads))
    torch.testing.assert_close(layer.output_noise_std(X), expected)
    torch.testing.assert_close(layer.output_noise_std(), expected[0])


def test_the_reference_of_an_offset_column_is_shared(model: nn.Linear) -> None:
    for crossbar in (MATRIX, READ):  # three weights a tile: outputs 0, 1, 2 and 3, 4
        chip = wl.map_model(model, dataclasses.replace(crossbar, encoding=OffsetColumn()), seed=1)
        noise = draws_of(chip, X, 2000) / chip.layers["model"].output_noise_std(X)
        assert noise.std() == pytest.approx(1.0, abs=0.03)
        together = torch.corrcoef(noise.flatten(0, 1).T)
        same = torch.block_diag(torch.ones(3, 3), torch.ones(2, 2))
        expected = 0.5 * same + 0.5 * torch.eye(5)
        torch.testing.assert_close(together.float(), expected, rtol=0, atol=0.06)


def test_positions_of_a_kernel_meet_noise_of_their_own() -> None:
    conv = nn.Conv2d(2, 3, 3, padding=1, bias=False).eval()
    x = torch.rand(2, 2, 5, 5)
    for crossbar in (MATRIX, READ):
        chip = wl.map_model(conv, crossbar, seed=1)
        noise = draws_of(chip, x) / chip.layers["model"].output_noise_std()[:, None, None]
        assert noise.std() == pytest.approx(1.0, abs=5 / math.sqrt(2 * noise.numel()))
        correlation = torch.corrcoef(noise.flatten(1).T) - torch.eye(150)
        assert correlation.abs().max() < 5.5 / math.sqrt(PASSES)


def test_the_range_of_each_sample_scales_its_noise_and_has_a_derivative(model: nn.Linear) -> None:
    crossbar = dataclasses.replace(MATRIX, dac=wl.IdealConverter())
    chip = wl.map_model(model.double(), crossbar, seed=1)
    x = X.double()
    std = chip.layers["model"].output_noise_std(x)
    torch.testing.assert_close(std[:, 0], 0.04 * x.abs().amax(1))  # sqrt(4) * 0.5 = 1
    noise = draws_of(chip, x) / std
    assert noise.std() == pytest.approx(1.0, abs=0.04)
    with pytest.raises(ValueError, match="`x` must be a batch of inputs"):
        chip.layers["model"].output_noise_std()
    for its in (crossbar, dataclasses.replace(crossbar, encoding=OffsetColumn())):
        still = wl.map_model(model, its, seed=1).frozen(3)
        assert torch.autograd.gradcheck(still, x.requires_grad_())


@pytest.mark.parametrize("name", ["matrix", "wires", "curved"])
def test_the_derivative_passes_by_the_noise(name: str, model: nn.Linear) -> None:
    crossbar = dataclasses.replace(CROSSBARS[name], adc=wl.IdealConverter())
    chip = wl.map_model(model, crossbar, seed=1)
    x = X.clone().requires_grad_()
    (noisy,) = torch.autograd.grad(chip(x).sum(), x)
    (still,) = torch.autograd.grad(chip.with_noise(0.0)(x).sum(), x)
    torch.testing.assert_close(noisy, still)


@pytest.mark.parametrize("name", CROSSBARS)
def test_passes_repeat_after_a_restart_and_frozen_noise_stands_still(
    name: str, model: nn.Linear
) -> None:
    chip = wl.map_model(model, CROSSBARS[name], seed=1)
    first, second = chip.restart(7)(X), chip(X)
    assert not torch.equal(first, second)
    chip.restart(7)
    assert torch.equal(chip(X), first) and torch.equal(chip(X), second)
    still = chip.frozen(7)
    answer = still(X)
    assert not still.stochastic and torch.equal(still(X), answer)
    assert torch.equal(still.restart(9)(X), answer)  # nothing is left to restart
    assert not torch.equal(chip.frozen(8)(X), answer)
    other = wl.map_model(model, CROSSBARS[name], seed=2).frozen(1)
    other.load_state_dict(still.state_dict())
    assert torch.equal(other(X), answer)


@pytest.mark.parametrize("name", CROSSBARS)
def test_frozen_noise_is_the_same_for_every_image(name: str, model: nn.Linear) -> None:
    still = wl.map_model(model, CROSSBARS[name], seed=1).frozen(7)
    torch.testing.assert_close(still(X[2:]), still(X)[2:], rtol=0, atol=1e-6)
    alike = still(X[:1].expand(3, -1))
    torch.testing.assert_close(alike[0], alike[2], rtol=0, atol=1e-6)


def test_frozen_noise_has_the_deviation_of_the_noise() -> None:
    conv = nn.Conv2d(2, 8, 3, padding=1, bias=False).eval()
    x = torch.rand(1, 2, 16, 16)
    for crossbar in (MATRIX, READ):
        chip = wl.map_model(conv, crossbar, seed=1)
        noise = chip.frozen(5)(x) - chip.with_noise(0.0)(x)
        std = chip.layers["model"].output_noise_std()[:, None, None]
        assert (noise / std).std() == pytest.approx(1.0, abs=5 / math.sqrt(2 * noise.numel()))


@pytest.mark.parametrize("name", CROSSBARS)
def test_a_pass_that_is_computed_again_meets_its_noise_again(name: str, model: nn.Linear) -> None:
    chip = wl.map_model(model, CROSSBARS[name], seed=1)
    x, met = X.clone().requires_grad_(), []

    def loss(x: Tensor) -> Tensor:
        y = chip(x)
        met.append(y.detach())
        return y.square().sum()

    (again,) = torch.autograd.grad(checkpoint(loss, x, use_reentrant=False), x)
    assert len(met) == 2 and torch.equal(*met)
    (plain,) = torch.autograd.grad(loss(x), x)
    assert not torch.equal(plain, again)


def test_learning_passes_through_output_noise(model: nn.Linear) -> None:
    chip = wl.map_model(model, WIRES, seed=1, trainable=True)
    chip(X).square().sum().backward()
    weight = chip.layers["model"].weight
    assert weight.grad is not None and weight.grad.isfinite().all() and weight.grad.any()


def test_large_reads_in_chunks_have_the_same_deviation(
    model: nn.Linear, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = wl.map_model(model, READ, seed=1)
    x = X.repeat(5, 1)
    whole = chip.frozen(5)(x)
    monkeypatch.setattr("wordline.nn.reading.read_plain._CHUNK_IN_CACHE", 3 * 32)
    torch.testing.assert_close(chip.frozen(5)(x), whole, rtol=0, atol=1e-6)
    noise = draws_of(chip, x, 200) / chip.layers["model"].output_noise_std()
    assert noise.std() == pytest.approx(1.0, abs=5 / math.sqrt(2 * noise.numel()))
    correlation = torch.corrcoef(noise.flatten(1).T) - torch.eye(100)
    assert correlation.abs().max() < 5.5 / math.sqrt(200)


def test_calibration_sees_the_signal_without_noise(model: nn.Linear) -> None:
    span = wl.Calibrated()
    noisy = dataclasses.replace(
        READ, adc=wl.UniformConverter(8, span), output_noise=wl.OutputNoise(0.1, span)
    )
    data = [(x, 0) for x in X]
    chip = wl.calibrate(wl.map_model(model, noisy, seed=1), data)
    quiet = dataclasses.replace(noisy, output_noise=wl.OutputNoise(0.0))
    calm = wl.calibrate(wl.map_model(model, quiet, seed=1), data)
    limit = chip.layers["model"].output_limit
    assert limit == calm.layers["model"].output_limit
    expected = 0.1 * limit * math.sqrt(2 * 2)  # w_max * range = 1
    torch.testing.assert_close(chip.layers["model"].output_noise_std(), expected.expand(5))
