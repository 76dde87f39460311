"""Layers of zero, tiny and enormous weights, and the time at which the gain is measured."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.mapping import program
from wordline.mapping.explain import explain

NOISY = wl.Crossbar(
    tile=(8, 8),
    device=wl.Memristor(2e4, 2e5),
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5.0, col_ohm=10.0, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(0.1),),
    gain=wl.UnitGain(),
)
SLICED = dataclasses.replace(
    NOISY,
    slicing=wl.BitSlicing(8, 2, 8, 2),
    dac=wl.UniformConverter(8, range=wl.SampleMax()),
    adc=wl.UniformConverter(8, range=wl.FullScale(), signed=False),
)
GAINS = [wl.UnitGain(), wl.LeastSquaresGain(), wl.PerColumnGain()]
CHIPS = {
    "noisy": NOISY,
    "sliced": SLICED,
    "offset": dataclasses.replace(NOISY, encoding=wl.OffsetColumn()),
}
CHIPS["calibrated"] = dataclasses.replace(
    NOISY, dac=wl.UniformConverter(8), adc=wl.UniformConverter(8)
)
every_gain = pytest.mark.parametrize("gain", GAINS, ids=lambda gain: type(gain).__name__)
every_chip = pytest.mark.parametrize("crossbar", CHIPS.values(), ids=CHIPS.keys())


def _weights(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(1, 12, 5, generator=torch.Generator().manual_seed(0)).to(dtype)


def _made(matrix: torch.Tensor, crossbar: wl.Crossbar) -> torch.Tensor:
    return program(matrix, crossbar, generator=torch.Generator().manual_seed(3)).weight


@every_gain
@every_chip
@pytest.mark.parametrize("trainable", [False, True])
def test_a_layer_of_zeros_answers_zero(
    crossbar: wl.Crossbar, gain: wl.AbstractGain, trainable: bool
) -> None:
    layer = nn.Linear(12, 5).eval()
    nn.init.zeros_(layer.weight)
    x = torch.rand(7, 12)
    chip = wl.map_model(layer, dataclasses.replace(crossbar, gain=gain), trainable=trainable)
    if crossbar.needs_calibration:
        wl.calibrate(chip, [(image, 0) for image in x])
    assert torch.equal(chip(x), layer.bias.expand(7, 5))


@every_gain
def test_a_layer_of_zeros_learns_as_one_of_almost_zeros(gain: wl.AbstractGain) -> None:
    crossbar = dataclasses.replace(NOISY, gain=gain, scale=wl.MaxScale(), nonidealities=())
    slopes = []
    for size in (0.0, 1e-12):
        w = torch.full((1, 12, 5), size, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(
            program(w, crossbar, generator=torch.Generator()).weight.sum(), w
        )
        slopes.append(slope)
        assert slope.isfinite().all()
    if isinstance(
        gain, wl.UnitGain
    ):  # the slope of a weight in its window, at one end and the other
        assert (slopes[0] > 0).all()


@every_gain
@every_chip
@pytest.mark.parametrize("scale", [2.0**-83, 2.0**-20, 2.0**66])  # 1e-25, 1e-6, 7e19
def test_the_chip_is_continuous_in_the_size_of_its_weights(
    crossbar: wl.Crossbar, gain: wl.AbstractGain, scale: float
) -> None:
    """Weights of another unit are the same shares of the window: w_hat(c w) = c w_hat(w)."""
    crossbar = dataclasses.replace(crossbar, gain=gain)
    assert torch.equal(_made(_weights() * scale, crossbar), _made(_weights(), crossbar) * scale)


@every_gain
def test_denormal_weights_are_finite_and_right_as_far_as_they_can_be(gain: wl.AbstractGain) -> None:
    crossbar = dataclasses.replace(NOISY, gain=gain)
    small = _weights() * 2.0**-135  # 2e-41: what is left of a weight is 2^-149 steps
    want = _made(small.double() * 2.0**135, crossbar) * 2.0**-135
    got = _made(small, crossbar).double()
    assert (got - want).abs().max() <= 2e-4 * want.abs().max()


@every_gain
@pytest.mark.parametrize("size", [1e-25, 1e-6, 1e20])
def test_one_weight_among_zeros(gain: wl.AbstractGain, size: float) -> None:
    """All other devices are off: outputs are in proportion to the one weight, noise included."""
    one = torch.zeros(1, 12, 5)
    one[0, 4, 2] = 1.0
    crossbar = dataclasses.replace(NOISY, gain=gain)
    unit, got = _made(one, crossbar), _made(one * size, crossbar)
    torch.testing.assert_close(got / size, unit, rtol=3e-6, atol=1e-7)
    assert got.isfinite().all()


def test_one_enormous_weight_leaves_its_column_a_gain() -> None:
    w = _weights()
    w[0, 3, 1] = 1e20
    for gain in GAINS:
        made = _made(w, dataclasses.replace(NOISY, gain=gain, nonidealities=()))
        want = _made(w.double(), dataclasses.replace(NOISY, gain=gain, nonidealities=()))
        assert made.isfinite().all()
        torch.testing.assert_close(made.double()[0, 3, 1], want[0, 3, 1], rtol=1e-4, atol=0.0)


def test_columns_of_different_size_have_each_their_own_gain() -> None:
    """Squares of 1e-25 are below float32, those of 1e20 above it."""
    w = _weights() * torch.tensor([1e-25, 1.0, 1e20, 0.0, 1e-6])
    shrink = torch.tensor([0.5, 0.25, 2.0, 1.0, 0.125])
    gains = wl.PerColumnGain().solve(w * shrink, w)
    torch.testing.assert_close(gains.flatten(), 1 / shrink, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("unit", [1e-25, 1.0, 1e20])
def test_least_squares_of_any_unit(unit: float) -> None:
    made, wanted = (
        torch.tensor([[[1.0], [2.0]]]) * unit,
        torch.tensor([[[3.0], [1.0]]]),
    )  # (3 + 2) / (1 + 4)
    assert wl.LeastSquaresGain().solve(made, wanted * unit).item() == pytest.approx(1.0)


@pytest.mark.parametrize(("percent", "zeros"), [(50.0, 60), (90.0, 95), (99.0, 99)])
def test_a_percentile_of_zero_is_refused(percent: float, zeros: int) -> None:
    w = torch.ones(100)
    w[:zeros] = 0
    with pytest.raises(
        ValueError,
        match=f"`percent` {percent:g} leaves no weight but zero: {zeros}.0% of the layer",
    ):
        wl.PercentileScale(percent).w_max(w)
    assert wl.PercentileScale(percent).w_max(torch.zeros(100)).item() == 0
    assert wl.PercentileScale(100.0).w_max(w).item() == 1


# --- time of the gain measurement ------------------------------------------------------

DRIFT = wl.RetentionDrift(
    time_s=1e4, t0_s=1.0, nu_mean=0.25, nu_sigma=0.0
)  # every conductance falls to a tenth
IDEAL = wl.Crossbar(
    tile=(8, 8), device=wl.Memristor(2e4, 2e5), wires=wl.Wires(), gain=wl.UnitGain()
)


@pytest.mark.parametrize("kind", [wl.LeastSquaresGain, wl.PerColumnGain])
@pytest.mark.parametrize("before", [(), (wl.GaussianVariation(0.1),)], ids=["nothing", "variation"])
def test_uniform_drift_scales_the_answers_unless_the_gain_is_measured_after_it(
    kind: type[wl.LeastSquaresGain], before: tuple[wl.AbstractNonideality, ...]
) -> None:
    w = _weights(torch.float64)
    new = _made(w, dataclasses.replace(IDEAL, gain=kind(), nonidealities=before))
    drifted = dataclasses.replace(IDEAL, nonidealities=(*before, DRIFT))
    torch.testing.assert_close(_made(w, dataclasses.replace(drifted, gain=kind())), 0.1 * new)
    torch.testing.assert_close(
        _made(w, dataclasses.replace(drifted, gain=kind(at_reading=True))), new
    )
    torch.testing.assert_close(
        _made(w, drifted),
        0.1 * _made(w, dataclasses.replace(IDEAL, nonidealities=before)),
        rtol=1e-12,
        atol=0.0,
    )


def test_what_is_listed_behind_drift_is_not_in_a_gain_measured_at_programming() -> None:
    w = _weights(torch.float64)
    gain = wl.LeastSquaresGain()
    open_later = dataclasses.replace(
        IDEAL, gain=gain, nonidealities=(DRIFT, wl.StuckDevices(open=0.5))
    )
    assert open_later.before_drift == dataclasses.replace(IDEAL, gain=gain)
    programmed = program(w, open_later, generator=torch.Generator().manual_seed(1))
    assert programmed.gain.item() == pytest.approx(1.0)
    again = program(w, dataclasses.replace(open_later, gain=wl.LeastSquaresGain(at_reading=True)),
                    generator=torch.Generator().manual_seed(1))  # fmt: skip
    assert torch.equal(again.conductances, programmed.conductances)  # the moment draws nothing
    assert again.gain.item() > 5


@pytest.mark.parametrize("gain", [wl.LeastSquaresGain(), wl.PerColumnGain()])
def test_without_drift_both_moments_are_the_same_bits(
    gain: wl.LeastSquaresGain | wl.PerColumnGain,
) -> None:
    one, other = (
        _made(
            _weights(),
            dataclasses.replace(NOISY, gain=dataclasses.replace(gain, at_reading=at_reading)),
        )
        for at_reading in (False, True)
    )
    assert torch.equal(one, other)


def test_the_moment_is_said() -> None:
    at_reading = dataclasses.replace(IDEAL, gain=wl.LeastSquaresGain(at_reading=True))
    assert "LeastSquaresGain, measured at reading, after drift" in explain(at_reading)
    assert "PerColumnGain, measured at programming, before drift" in explain(
        dataclasses.replace(IDEAL, gain=wl.PerColumnGain())
    )
    assert wl.Crossbar.from_json(at_reading.to_json()) == at_reading
    assert '"at_reading": true' in at_reading.to_json()
    layer = nn.Linear(3, 2).eval()
    assert "gain measured at reading, after drift" in str(wl.map_model(layer, at_reading).report())
    assert "gain measured" not in str(wl.map_model(layer, IDEAL).report())
    with pytest.raises(TypeError, match="`at_reading` must be bool, got 'programming'"):
        wl.LeastSquaresGain(at_reading="programming")
    with pytest.raises(TypeError, match="`at_reading` must be bool, got 1"):
        wl.PerColumnGain(at_reading=1)
