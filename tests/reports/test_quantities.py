"""Quantities find their numbers, and nothing where there are none."""

import math
from dataclasses import dataclass

import pytest
from tests.reports.examples import SOFTWARE, chip, record, shared_layer, stability

import wordline as wl
from wordline.reports.chip_mean import mean_over_chips
from wordline.reports.quantities import (
    QUANTITIES,
    Quantity,
    of_each,
    of_each_layer,
    register_quantity,
)
from wordline.values import Value

DEVIATION = wl.GradientDeviation(
    chip=chip(), software=SOFTWARE, eps=0.1, loss="margin", data="x", fingerprint="f", images=3,
    flat=0.25, cosine=(0.0, 0.2, 1.0), sign_agreement=(0.5, 0.75, 1.0), norm_ratio=(1.0, 2.0, 9.0),
    perturbation_difference=(0.0, 1.0, 2.0), fractions=(0.0, 0.5, 1.0),
    loss_along_software=(1.0, 2.0, 3.0), loss_along_chip=(1.0, 4.0, 5.0),
)  # fmt: skip


def test_numbers_of_a_gradient_deviation() -> None:
    values = {
        "cosine, median": 0.2,
        "share of equal signs, mean": 0.75,
        "norm of chip / software, median": 2.0,
        "difference of perturbations / epsilon, mean": 1.0,
        "share of images without a gradient": 0.25,
        "chip's loss at clean images": 1.0,
        "chip's loss along software's gradient": 3.0,
        "chip's loss along its own gradient": 5.0,
    }
    for name, value in values.items():
        (found,) = QUANTITIES[name].measure([record(), DEVIATION, stability()])
        assert found.result is DEVIATION and found.estimate.value == value, name
        assert math.isnan(found.estimate.low) and QUANTITIES[name].decimals == 3


def test_shares_of_a_record_have_their_intervals() -> None:
    (found,) = QUANTITIES["AL"].measure([stability(), record(), DEVIATION])
    assert found.estimate == record().loss and found.format_field("layer") == "-"


def test_signal_to_noise_ratios_in_decibels() -> None:
    (logits,) = QUANTITIES["SNR of the logits"].measure([record(), stability()])
    assert logits.estimate.value == 0.0
    layers = QUANTITIES["SNR of a layer"].measure([stability(), shared_layer()])
    found = [(m.format_field("layer"), m.estimate.value) for m in layers]
    assert found[:5] == [
        ("conv1", math.inf), ("conv2", 20.0), ("fc", 10.0), ("relu", 0.0), ("relu (call 2)", -10.0),
    ]  # fmt: skip
    assert found[5][0] == "relu (call 3)" and math.isnan(found[5][1])  # no signal, no decibels


def test_a_quantity_of_ones_own() -> None:
    @dataclass(frozen=True)
    class Energy(Value):
        joule: float

    own = Quantity("energy", of_each(Energy, lambda result: result.joule), unit="J", scale=1.0)
    assert [m.estimate.value for m in own.measure([record(), Energy(2.0)])] == [2.0]
    with pytest.raises(ValueError, match="`quantity` 'AL' is there already; choose another name"):
        register_quantity(Quantity("AL", of_each_layer(lambda row: row.call)))
    try:
        assert QUANTITIES[register_quantity(own).name] is own
    finally:
        del QUANTITIES["energy"]


def test_a_mean_over_chips() -> None:
    one = mean_over_chips([record().loss])
    assert one.value == pytest.approx(40.0) and one.chips == 1 and math.isnan(one.spread)
    two = mean_over_chips([record().loss, record(attacked=0.6).loss])
    assert (two.value, two.low, two.high) == pytest.approx((35.0, 30.0, 40.0))
    assert two.spread == pytest.approx(50**0.5) and two.chips == 2
