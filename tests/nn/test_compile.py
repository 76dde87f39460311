"""Chips through torch.compile, torch.export and torch.jit: equal to eager, or refused in words."""

import copy
import dataclasses
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.circuits import SinhDevice

BASE = wl.Crossbar.preset("rethinking-16")
NOISE = (wl.ReadNoise(0.1),)
ADC = wl.UniformConverter(bits=8, range=wl.FullScale(0.05))
CROSSBARS = {
    "matrix": BASE,
    "noise": dataclasses.replace(BASE, nonidealities=NOISE),
    "dac": dataclasses.replace(BASE, dac=wl.UniformConverter(bits=8)),
    "adc and noise": dataclasses.replace(BASE, nonidealities=NOISE, adc=ADC),
    "streams": dataclasses.replace(BASE, adc=ADC, slicing=wl.BitSlicing(4, 2, 4, 2)),
    "curved": dataclasses.replace(BASE, array=wl.NonlinearArray(SinhDevice(b=4.0))),
    "surrogate": wl.Crossbar.preset("puma-32x32-100k"),
}
READ = [name for name in CROSSBARS if name != "matrix"]
REFUSED = "`chip` layer of kind .* cannot be exported or traced"


@pytest.fixture(autouse=True)
def _compiler_forgets() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def small(name: str, trainable: bool = False) -> tuple[wl.Chip, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)
        x = torch.rand(2, 1, 4, 4)
    chip = wl.map_model(nn.Sequential(*layers).eval(), CROSSBARS[name], seed=1, trainable=trainable)
    return wl.calibrate(chip, [(image, 0) for image in x]), x


def passes(call: Any, chip: wl.Chip, x: Tensor) -> tuple[list[Tensor], list[tuple[int, ...]]]:
    """Two answers, the gradient of both, an answer without gradients; and what the layers count."""
    leaf = x.clone().requires_grad_()
    before = [(layer.tally.conversions, layer.tally.saturated) for layer in chip.layers.values()]
    chip.restart(5)
    answers = [call(leaf), call(leaf)]
    (gradient,) = torch.autograd.grad(sum(answer.square().sum() for answer in answers), leaf)
    with torch.no_grad():
        answers += [gradient, call(x)]
    counts = [
        (layer.tally.conversions - made, layer.tally.saturated - over, layer.noise.reads)
        for layer, (made, over) in zip(chip.layers.values(), before, strict=True)
    ]
    return answers, counts


@pytest.mark.parametrize("name", [*CROSSBARS, "matrix, trained", "adc and noise, trained"])
def test_a_compiled_chip_is_the_chip(name: str) -> None:
    chip, x = small(name.split(",")[0], trainable="trained" in name)
    answers, counts = passes(chip, chip, x)
    found, counted = passes(torch.compile(chip, backend="aot_eager"), chip, x)
    for one, two in zip(found, answers, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)
    assert counted == counts


@pytest.mark.slow  # tens of seconds of a C compiler
@pytest.mark.skipif(shutil.which("cc") is None, reason="inductor compiles C++")
@pytest.mark.parametrize("name", ["matrix", "adc and noise"])
def test_a_chip_through_inductor(name: str) -> None:
    chip, x = small(name)
    for one, two in zip(
        passes(torch.compile(chip), chip, x)[0], passes(chip, chip, x)[0], strict=True
    ):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


def test_batches_of_any_size() -> None:
    for name in ("matrix", "streams"):
        chip, x = small(name)
        compiled = torch.compile(chip, backend="eager", dynamic=True, fullgraph=name == "matrix")
        for size in (2, 5, 9):
            batch = x[:1].expand(size, -1, -1, -1).contiguous()
            torch.testing.assert_close(compiled(batch), chip(batch))


LAYERS = [
    (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 2, 3, 3)),
    (nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), (2, 3, 8)),
    (nn.LSTM(4, 5, batch_first=True), (2, 6, 4)),
    (nn.GRU(4, 5, bidirectional=True, batch_first=True), (2, 4, 4)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: type(value).__name__)
def test_other_layers_compile(
    layer: nn.Module, shape: tuple[int, ...], rng: torch.Generator
) -> None:
    chip, x = wl.map_model(copy.deepcopy(layer).eval(), BASE), torch.rand(shape, generator=rng)
    torch.testing.assert_close(torch.compile(chip, backend="eager", fullgraph=True)(x), chip(x))


@pytest.mark.parametrize(
    ("layer", "shape"), [LAYERS[0], LAYERS[2]], ids=lambda value: type(value).__name__
)
def test_other_layers_compile_with_noise(
    layer: nn.Module, shape: tuple[int, ...], rng: torch.Generator
) -> None:
    chip, x = (
        wl.map_model(copy.deepcopy(layer).eval(), CROSSBARS["noise"]),
        torch.rand(shape, generator=rng),
    )
    wanted = chip.restart(1)(x)
    found = torch.compile(chip.restart(1), backend="eager")(x)
    torch.testing.assert_close(found, wanted)


def test_long_recurrences_stay_out_of_graphs(rng: torch.Generator) -> None:
    chip, x = (
        wl.map_model(nn.LSTM(4, 5, batch_first=True).eval(), BASE),
        torch.rand(2, 100, 4, generator=rng),
    )
    graphs = torch._dynamo.testing.CompileCounter()
    torch.testing.assert_close(torch.compile(chip, backend=graphs)(x), chip(x))
    assert graphs.op_count < 100
    torch.testing.assert_close(
        torch.export.export(chip, (x[:, :3],)).module()(x[:, :3]), chip(x[:, :3])
    )


def test_an_ensemble_compiles(rng: torch.Generator) -> None:
    chips = wl.map_chips(nn.Linear(4, 3).eval(), CROSSBARS["streams"], seeds=(1, 2))
    x = torch.rand(5, 4, generator=rng)
    torch.testing.assert_close(torch.compile(chips, backend="eager")(x), chips(x))


def test_one_graph_is_asked_for_in_vain() -> None:
    chip, x = small("noise")
    with pytest.raises(torch._dynamo.exc.Unsupported, match="wordline keeps reads of arrays"):
        torch.compile(chip, backend="eager", fullgraph=True)(x)


@pytest.mark.parametrize("strict", [False, True])
def test_a_matrix_chip_is_exported(strict: bool) -> None:
    chip, x = small("matrix")
    torch.testing.assert_close(torch.export.export(chip, (x,), strict=strict).module()(x), chip(x))


def test_a_matrix_chip_is_traced() -> None:
    chip, x = small("matrix")
    torch.testing.assert_close(torch.jit.trace(chip, (x,))(x[:1]), chip(x[:1]))


def test_a_matrix_chip_becomes_onnx(tmp_path: Any) -> None:
    pytest.importorskip("onnxscript")
    chip, x = small("matrix")
    torch.onnx.export(chip, (x,), tmp_path / "chip.onnx")


@pytest.mark.parametrize("name", [*READ, "matrix, trained"])
def test_what_no_graph_can_hold_is_refused(name: str) -> None:
    chip, x = small(name.split(",")[0], trainable="trained" in name)
    with pytest.raises(ValueError, match=REFUSED):
        torch.export.export(chip, (x,), strict=False)
    with pytest.raises(ValueError, match=REFUSED):
        torch.jit.trace(chip, (x,))
    with pytest.raises(torch._dynamo.exc.Unsupported, match=REFUSED):
        torch.export.export(chip, (x,), strict=True)
