"""Columns without weights.

Left out where columns are read apart, and what they answer is discarded everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.nn.reading import read_plain

CURVED = wl.Crossbar.preset("puma-32x32-100k", gain=wl.UnitGain())


def answers(
    crossbar: wl.Crossbar, outputs: int, monkeypatch: pytest.MonkeyPatch, *, pads: bool
) -> dict[str, Any]:
    """Outputs, input gradient, and the conversions that were counted."""
    if pads:
        monkeypatch.setattr(read_plain, "_without_pads", lambda response, outputs: response)
    layer = nn.Linear(40, outputs, bias=False).double().eval()
    generator = torch.Generator().manual_seed(1)
    layer.weight.data.copy_(torch.randn(outputs, 40, generator=generator, dtype=torch.float64))
    chip = wl.map_model(layer, crossbar)
    x = torch.randn(3, 40, generator=generator, dtype=torch.float64).requires_grad_()
    y = chip(x)
    (grad,) = torch.autograd.grad(y.square().sum(), x)
    monkeypatch.undo()
    (mapped,) = chip.layers.values()
    return {
        "y": y,
        "grad": grad,
        "conversions": mapped.tally.conversions,
        "saturated": mapped.tally.saturated,
    }


@pytest.mark.parametrize("outputs", [1, 10, 32, 45])
def test_answers_are_those_of_a_read_with_pads(
    outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One column tile partly filled, one full, and two of which the second is partly filled."""
    short, whole = (answers(CURVED, outputs, monkeypatch, pads=pads) for pads in (False, True))
    assert torch.equal(short["y"], whole["y"])
    torch.testing.assert_close(
        short["grad"], whole["grad"], rtol=1e-10, atol=1e-12
    )  # sums over columns are regrouped
    tiled = -(-outputs // 32) * 32
    assert short["conversions"] * tiled == whole["conversions"] * outputs > 0


def test_saturation_is_that_of_columns_with_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ADC of next to no range saturates at nearly every conversion.

    Were pads counted, ten in thirty-two would.
    """
    small = replace(CURVED, adc=replace(CURVED.adc, range=wl.FixedRange(1e-9)))
    short = answers(small, 10, monkeypatch, pads=False)
    assert 0.9 < short["saturated"] / short["conversions"] <= 1


def test_an_array_is_asked_for_columns_with_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    currents = wl.SurrogateArray.currents

    def watched(
        self: wl.SurrogateArray, volts: Tensor, programmed: Tensor, wires: wl.Wires
    ) -> Tensor:
        asked.append(programmed.shape[-1])
        return currents(self, volts, programmed, wires)

    monkeypatch.setattr(wl.SurrogateArray, "currents", watched)
    answers(CURVED, 45, monkeypatch, pads=False)
    assert set(asked) == {45}


def test_columns_that_meet_in_the_array_are_read_together() -> None:
    """A column of a nonlinear array depends on its neighbours, so none may be left out."""
    sinh = wl.NonlinearArray(wl.SinhDevice(b=4.0))
    assert not sinh.independent_columns and not wl.IdealBackward(sinh).independent_columns
    assert wl.IdealBackward(wl.SurrogateArray.of("builtin:puma-32x32-100k")).independent_columns
