"""Derivatives of reads: straight through every conversion that did not saturate."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.nn.reading.read_cases import CROSSBARS, LAYERS, SLICES, WIRED, adc, both, inputs, mapped
from torch import nn

import wordline as wl


@pytest.mark.parametrize(
    "name", ["signed", "two-sided", "offset column", "sliced", "sliced, two-sided"]
)
@pytest.mark.parametrize(
    ("layer", "shape"), [LAYERS[i] for i in (1, 2, 4, 5, 8, 9)], ids=lambda value: str(value)[:60]
)
def test_a_derivative_passes_straight_through_what_has_not_saturated(
    layer: nn.Module, shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossbar = CROSSBARS[name]
    wide = dataclasses.replace(
        crossbar, adc=dataclasses.replace(crossbar.adc, range=wl.FullScale(1.0))
    )
    chip, x = mapped(layer, wide), inputs(shape).requires_grad_()
    with torch.no_grad():
        towards = torch.randn_like(chip(x))
    weight = chip.effective_weight
    (exact,) = torch.autograd.grad(chip.product(x, weight, None), x, towards)
    for answer, saturated, _ in both(chip, x, monkeypatch).values():
        assert saturated == 0
        (grad,) = torch.autograd.grad(answer, x, towards)
        torch.testing.assert_close(grad, exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["signed", "offset column", "sliced"])
@pytest.mark.parametrize(
    ("layer", "shape"), [LAYERS[i] for i in (1, 4, 9)], ids=lambda value: str(value)[:60]
)
def test_a_derivative_stops_where_a_conversion_saturated(
    layer: nn.Module, shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossbar = CROSSBARS[name]
    tight = dataclasses.replace(
        crossbar, adc=dataclasses.replace(crossbar.adc, bits=4, range=wl.FullScale(0.1))
    )
    chip, x = mapped(layer, tight), inputs(shape).requires_grad_()
    with torch.no_grad():
        towards = torch.randn_like(chip(x))
    (straight,) = torch.autograd.grad(chip.product(x, chip.effective_weight, None), x, towards)
    grads = []
    for answer, saturated, conversions in both(chip, x, monkeypatch).values():
        assert 0 < saturated < conversions
        grads.append(torch.autograd.grad(answer, x, towards)[0])
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-12)
    assert not torch.allclose(grads[0], straight)


@pytest.mark.parametrize("wires", [WIRED.wires, wl.Wires()])
@pytest.mark.parametrize("positive", [True, False])
def test_in_whole_numbers_the_derivative_is_that_of_real_ones(
    wires: wl.Wires, positive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single precision, one byte a device and two.

    A few conversions at the edge may count on one side or the other.
    """
    layer, shape = LAYERS[3]
    coarse = wl.UniformConverter(
        bits=5, range=wl.FullScale(0.1), signed=False, less_off_current=True
    )
    crossbar = dataclasses.replace(WIRED, wires=wires, nonidealities=(), adc=coarse, slicing=SLICES)
    chip = mapped(layer, crossbar, torch.float32)
    x = inputs(shape, torch.float32)
    x = (x.abs() if positive else x).requires_grad_()
    towards = torch.randn((2, 13, 5, 18), generator=torch.Generator().manual_seed(1))
    grads, saturated = [], []
    for answer, out, _ in both(chip, x, monkeypatch).values():
        grads.append(torch.autograd.grad(answer, x, towards)[0])
        saturated.append(out)
    assert min(saturated) > 20 and abs(saturated[0] - saturated[1]) <= 3
    wrong = (grads[0] - grads[1]).abs() > 1e-5 * grads[1].abs().amax()
    assert wrong.float().mean() < 0.1


def test_one_saturated_conversion_takes_its_column_out_of_the_derivative() -> None:
    layer = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 1.0], [1.0, 0.0]]))
    plain = dataclasses.replace(
        WIRED, tile=(2, 2), wires=wl.Wires(), nonidealities=(), gain=wl.UnitGain()
    )
    crossbar = dataclasses.replace(
        plain, adc=wl.UniformConverter(bits=8, range=wl.FullScale(0.75), less_off_current=True)
    )
    chip = mapped(layer, crossbar)
    x = torch.tensor([[1.0, 1.0], [1.0, 0.25]], dtype=torch.float64, requires_grad=True)
    chip(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=torch.float64))
    assert chip.tally.saturated == 1


def test_a_converter_without_derivative_has_none() -> None:
    chip = mapped(LAYERS[8][0], adc(gradient="none"))
    x = inputs((3, 10)).requires_grad_()
    chip(x).sum().backward()
    assert x.grad is not None and not x.grad.any()
