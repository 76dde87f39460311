"""Every kind of layer, with every kind of read, on the device and on the CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from tests.cuda.moved import assert_close, assert_same, to
from tests.nn.crossbars import CODES, REAL
from tests.nn.patterns import PATTERNS, randomised
from tests.nn.reading.read_cases import CROSSBARS, LAYERS
from torch import Tensor, nn

import wordline as wl
from wordline.circuits import SinhDevice

SEQUENCE = torch.rand(4, 6, 8, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(2, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
KINDS: dict[str, tuple[nn.Module, tuple[Any, ...]]] = {
    **{f"{type(layer).__name__} {n}": (layer, (shape,)) for n, (layer, shape) in enumerate(LAYERS)},
    "ConvTranspose1d": (nn.ConvTranspose1d(4, 3, 3, 2, 1, 1), ((2, 4, 6),)),
    "ConvTranspose2d": (nn.ConvTranspose2d(4, 6, 3, 2, groups=2), ((2, 4, 4, 5),)),
    "ConvTranspose3d": (nn.ConvTranspose3d(2, 3, 2), ((1, 2, 3, 3, 3),)),
    "MultiheadAttention": (nn.MultiheadAttention(8, 2, batch_first=True), (SEQUENCE,) * 3),
    "TransformerEncoderLayer": (
        nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), (SEQUENCE,)
    ),
    "RNN": (nn.RNN(8, 5, bidirectional=True), (SEQUENCE,)),
    "LSTM": (nn.LSTM(8, 5, 2, proj_size=3), (SEQUENCE,)),
    "GRU": (nn.GRU(8, 5, batch_first=True), (SEQUENCE,)),
    "RNNCell": (nn.RNNCell(8, 5), (SEQUENCE[0],)),
    "LSTMCell": (nn.LSTMCell(8, 5), (SEQUENCE[0],)),
    "GRUCell": (nn.GRUCell(8, 5), (SEQUENCE[0],)),
}  # fmt: skip
READS = {
    **CROSSBARS,
    "noise": dataclasses.replace(REAL, nonidealities=(wl.ReadNoise(0.1),)),
    "noise, sliced": dataclasses.replace(CROSSBARS["sliced"], nonidealities=(wl.ReadNoise(0.1),)),
    "rounded inputs": dataclasses.replace(REAL, dac=wl.UniformConverter(bits=5)),
    "curved": dataclasses.replace(REAL, array=wl.NonlinearArray(SinhDevice(b=4.0))),
    "ideal backward": dataclasses.replace(REAL, array=wl.IdealBackward(wl.ExactArray())),
    "column gain": dataclasses.replace(REAL, gain=wl.PerColumnGain()),
    "isaac": wl.Crossbar.preset("isaac-like"),
    "surrogate": wl.Crossbar.preset("puma-32x32-100k"),
}


def given_for(shapes: tuple[Any, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    return tuple(
        (x if isinstance(x, Tensor) else torch.randn(x, generator=generator)).to(dtype)
        for x in shapes
    )


def mapped(layer: nn.Module, crossbar: wl.Crossbar, **options: Any) -> wl.Chip:
    chip = wl.map_model(layer.eval(), crossbar, seed=1, **options)
    for name, buffer in chip.named_buffers():
        if name.endswith("_limit") and buffer.isnan().any():
            buffer.fill_(3.0)  # where `calibrate` would measure
    return chip


@pytest.mark.parametrize("crossbar", [REAL, CODES], ids=["matrix", "converters"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_layer(device: torch.device, kind: str, crossbar: wl.Crossbar) -> None:
    layer, shapes = KINDS[kind]
    chip = mapped(layer.double(), crossbar)
    assert_same(chip, given_for(shapes, torch.float64), device, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("kind", ["Conv2d 4", "Linear 9"])
@pytest.mark.parametrize("name", READS)
def test_every_kind_of_read_and_its_gradient(
    device: torch.device, name: str, kind: str, dtype: torch.dtype
) -> None:
    layer, shapes = KINDS[kind]
    chip = mapped(layer.to(dtype), READS[name])
    (x,) = given_for(shapes, dtype)
    rtol = 1e-8 if dtype == torch.float64 else 3e-3  # a code of a converter may round otherwise
    there = assert_same(chip, (x,), device, rtol=rtol)
    here, moved = x.clone().requires_grad_(), x.to(device).requires_grad_()
    weight = torch.randn(chip.restart(5)(x).shape, generator=torch.Generator().manual_seed(4))
    answers = chip.restart(5)(here), there.restart(5)(moved)
    expected, found = (
        torch.autograd.grad((y * weight.to(y)).sum(), v)
        for y, v in zip(answers, (here, moved), strict=True)
    )
    assert_close(answers[1], answers[0], device, rtol=rtol)
    assert_close(found, expected, device, rtol=rtol)


@pytest.mark.parametrize("name", ["signed", "noise", "sliced", "curved", "surrogate"])
def test_mapping_on_the_device_is_mapping_on_the_cpu(device: torch.device, name: str) -> None:
    """The same chip from the same seed: draws are those of the CPU."""
    layer, shapes = KINDS["Linear 9"]
    here = mapped(layer.float(), READS[name])
    there = mapped(layer.to(device), READS[name])
    layer.cpu()
    assert_close(dict(there.named_buffers()), dict(here.named_buffers()), device)
    given = given_for(shapes, torch.float32)
    assert_close(there(*to(device, given)), here(*given), device, rtol=3e-3)


@pytest.mark.parametrize("name", ["signed", "noise", "sliced", "curved", "surrogate"])
def test_trainable_layers_learn_there(device: torch.device, name: str) -> None:
    layer, shapes = KINDS["Conv2d 4"]
    chips = [mapped(layer.double(), READS[name], trainable=True) for _ in range(2)]
    chips[1].to(device)
    (x,) = given_for(shapes, torch.float64)
    for chip, v in zip(chips, (x, x.to(device)), strict=True):
        chip.restart(2)(v).square().sum().backward()
    expected, found = ([p.grad for p in chip.parameters()] for chip in chips)
    assert_close(found, expected, device, rtol=1e-8)


def test_chips_side_by_side_and_calibration(device: torch.device) -> None:
    layer, shapes = KINDS["Linear 9"]
    crossbar = dataclasses.replace(CROSSBARS["calibrated"], dac=wl.UniformConverter(bits=6))
    (x,) = given_for(shapes, torch.float32)
    data = [(v, 0) for v in x]
    here = wl.calibrate(wl.map_model(layer.float(), crossbar), data)
    there = wl.calibrate(wl.map_model(layer, crossbar).to(device), data)
    assert_close(dict(there.named_buffers()), dict(here.named_buffers()), device)
    assert_close(there(x.to(device)), here(x), device, rtol=3e-3)
    both = wl.map_chips(layer, READS["signed"], seeds=(0, 1))
    assert_same(both, (x,), device, rtol=3e-3)
    assert there.report(x.to(device)).layers


@pytest.mark.parametrize("name", ["LeNet", "ResNet, basic blocks", "GoogLeNet"])
def test_networks(device: torch.device, name: str) -> None:
    chip = wl.map_model(randomised(PATTERNS[name]()), CODES)
    assert_same(chip, (IMAGES,), device, rtol=1e-9)
