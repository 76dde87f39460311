"""Layers and crossbars that the tests of reads share."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.nn.mapped_layer import MappedLayer
from wordline.nn.reading import read_fast, read_plain
from wordline.nn.reading.tally import Tally

WIRED = wl.Crossbar(
    tile=(8, 6),
    device=wl.Memristor(2e4, 2e5),
    wires=wl.Wires(driver_ohm=200, row_ohm=5, col_ohm=10, sense_ohm=100),
    nonidealities=(wl.GaussianVariation(0.1),),
    gain=wl.LeastSquaresGain(),
    adc=wl.UniformConverter(bits=6, range=wl.FullScale(0.4)),
)
SLICES = wl.BitSlicing(7, 3, 6, 2)
LAYERS = [
    (nn.Conv1d(4, 7, 3, stride=2, padding=1), (2, 4, 11)),
    (nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular"), (2, 4, 9)),
    (nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(1, 2), dilation=(1, 2)), (2, 4, 9, 8)),
    (nn.Conv2d(3, 13, 3, padding=1), (2, 3, 5, 18)),
    (nn.Conv2d(4, 6, (3, 2), groups=2, bias=False), (2, 4, 6, 6)),
    (nn.Conv2d(6, 6, 3, groups=6, padding=1, padding_mode="reflect"), (2, 6, 6, 6)),
    (nn.Conv2d(4, 6, 3, padding="valid", padding_mode="replicate"), (1, 4, 6, 6)),
    (nn.Conv3d(2, 4, 3, padding=1, stride=2), (1, 2, 5, 6, 5)),
    (nn.Linear(10, 17), (3, 10)),
    (nn.Linear(10, 7, bias=False), (2, 3, 10)),
    (nn.Linear(8, 6), (2, 8)),
]


def adc(**changes: object) -> wl.Crossbar:
    return dataclasses.replace(WIRED, adc=dataclasses.replace(WIRED.adc, **changes))


CROSSBARS = {
    "signed": WIRED,
    "unsigned": adc(signed=False),
    "less off current": adc(signed=False, less_off_current=True, range=wl.FullScale(0.3)),
    "fixed range": adc(range=wl.FixedRange(2e-5)),
    "calibrated": adc(range=wl.Calibrated()),
    "two-sided": dataclasses.replace(WIRED, encoding=wl.DifferentialPair(two_sided=True)),
    "offset column": dataclasses.replace(WIRED, encoding=wl.OffsetColumn()),
    "sliced": dataclasses.replace(adc(bits=7), slicing=SLICES),
    "sliced, unsigned, less off current": dataclasses.replace(
        adc(bits=7, signed=False, less_off_current=True), slicing=SLICES
    ),
    "sliced, two-sided": dataclasses.replace(
        WIRED, encoding=wl.DifferentialPair(two_sided=True), slicing=SLICES
    ),
    "sliced, offset column": dataclasses.replace(WIRED, encoding=wl.OffsetColumn(), slicing=SLICES),
    "sliced, single bits": dataclasses.replace(WIRED, slicing=wl.BitSlicing(4, 1, 4, 1)),
}


def mapped(
    layer: nn.Module, crossbar: wl.Crossbar, dtype: torch.dtype = torch.float64
) -> MappedLayer:
    """The layer on a chip; an ADC that would be calibrated has a full scale of 3 shares."""
    chip = wl.map_model(copy.deepcopy(layer).to(dtype).eval(), crossbar)
    (only,) = chip.layers.values()
    if isinstance(crossbar.adc.range, wl.Calibrated):
        only.output_limit.fill_(3.0)
    return only


def inputs(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype, generator=generator)


def both(
    chip: MappedLayer, x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[Tensor, int, int]]:
    """Outputs, conversions out of range and conversions, by the kernel and by torch in chunks."""
    out = {}
    for path in ("as it comes", "generic"):
        with monkeypatch.context() as patch:
            if path == "generic":
                patch.setattr(read_plain, "_CHUNK_IN_CACHE", 600)
                patch.setattr(read_fast, "applies", lambda *_: False)
            chip.tally = Tally()
            out[path] = chip(x), chip.tally.saturated, chip.tally.conversions
    return out
