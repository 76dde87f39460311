"""Measurements of one network by one tool: programming, rates, memory, distance; and gradients."""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable

import torch
from benchmarks import resnet20
from benchmarks.machine import timed
from benchmarks.memory import peak
from benchmarks.peer_networks import SETTINGS, SHARE, TILE, TOOLS, Setting
from torch import Tensor, nn

OHMS, STEP = (0.0, 5.0, 20.0), 1e-2
PAIR = ("wordline", "CrossSim")
LONG = 4.0  # seconds of a pass that is run once


def measured(tool: str, setting: str, args: argparse.Namespace) -> dict[str, str | list[float]]:
    """Program a ResNet-20 and run it; rates are of the shortest pass, in turns with software's."""
    net, images = resnet20.network(args.network), resnet20.images(args.data, max(args.batches))
    build, values = TOOLS[tool].build, SETTINGS[setting]
    with contextlib.redirect_stdout(io.StringIO()):
        small = build(nn.Sequential(nn.Conv2d(3, 16, 3), nn.Flatten()).eval(), values)
        for run in (forward, backward):
            run(small, images[:2, :, :8, :8])  # imports, compiles
        before = peak()
        to_map, chip = timed(lambda: build(net, values))
    cells: dict[str, str | list[float]] = {"map, s": f"{to_map:.2f}"}
    for name, run in (("forward", forward), ("with gradient", backward)):
        slowest = 0.0
        for batch in args.batches:
            column = f"{name}, {batch}"
            if slowest * batch > args.limit:
                cells[column] = "not run"
                continue
            ours, theirs, answer = in_turns(run, (chip, net), images[:batch], args.seconds)
            cells.setdefault("answer", answer[0].tolist())
            slowest = ours / batch
            times = "" if tool == "software" else f" ({ours / theirs:.3g} x)"
            cells[column] = f"{batch / ours:.3g}{times}"
        cells[f"peak {name}, MB"] = f"{peak() * 1024:.0f}"
    cells["before, MB"] = f"{before * 1024:.0f}"
    return cells


def forward(model: nn.Module, images: Tensor) -> Tensor:
    """Run one pass without derivatives."""
    with torch.no_grad():
        return model(images)


def backward(model: nn.Module, images: Tensor) -> Tensor:
    """Run one pass, and find the derivative of a number with respect to the images."""
    leaf = images.clone().requires_grad_()
    return torch.autograd.grad(model(leaf).logsumexp(1).sum(), leaf)[0]


def in_turns(
    run: Callable[[nn.Module, Tensor], Tensor], models: tuple[nn.Module, nn.Module],
    images: Tensor, seconds: float,
) -> tuple[float, float, Tensor]:  # fmt: skip
    """Shortest pass of each, in turns, and the answer of one.

    The first pass counts only where it is too long to be repeated.
    """
    chip, net = models
    run(net, images)
    first, answer = timed(lambda: run(chip, images))
    if first > LONG:
        return first, timed(lambda: run(net, images))[0], answer
    ours, theirs, until = [], [], time.perf_counter() + seconds
    while len(ours) < 2 or time.perf_counter() < until:
        theirs.append(timed(lambda: run(net, images))[0])
        ours.append(timed(lambda: run(chip, images))[0])
    return min(ours), min(theirs), answer


def gradients() -> list[dict[str, str]]:
    """Derivatives of a 64 x 64 layer by its inputs against central differences, in float64."""
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(1, 64, generator=generator, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Sequential(nn.Linear(64, 64, bias=False)).double().eval().requires_grad_(False)
    rows = []
    for name, tool in TOOLS.items():
        if not tool.there or name == "software":
            continue
        cells = {"gradient against central differences": name}
        for ohm in OHMS if tool.wired else OHMS[:1]:
            with contextlib.redirect_stdout(io.StringIO()):
                model = tool.build(layer, Setting(ohm=ohm, tolerance=1e-11))
                cells[f"{ohm:g} ohm"] = f"{gradient_error(model, x):.1e}"
        rows.append(cells)
    return rows


def codes() -> list[dict[str, str]]:
    """Outputs of wordline behind 8-bit ADCs that CrossSim codes otherwise, by inputs of a layer."""
    generator = torch.Generator().manual_seed(3)
    row = {"8-bit ADC: outputs that CrossSim codes otherwise": "of 64"}
    for inputs in (64, 640, 144):
        x = torch.rand(1, inputs, generator=generator).pow(4)  # few columns saturate
        layer = nn.Sequential(nn.Linear(inputs, 64, bias=False)).eval().requires_grad_(False)
        layer[0].weight.copy_(torch.rand(64, inputs, generator=generator) - 0.5)
        with contextlib.redirect_stdout(io.StringIO()):
            ours, theirs = (TOOLS[name].build(layer, Setting(bits=8)) for name in PAIR)
        step = SHARE * TILE / 127 * float(layer[0].weight.abs().max() * x.max())
        answers = forward(ours, x), forward(theirs, x)
        other = (answers[0] - answers[1]).abs() > 0.1 * step
        some = answers[0].unique().numel()
        row[f"{inputs} inputs"] = f"{int(other.sum())} ({some} different outputs)"
    return [row]


def gradient_error(model: nn.Module, x: Tensor) -> float:
    """Largest difference over the largest derivative, of a quadratic function of the outputs.

    Its central differences have no error but that of rounding.
    """

    def loss(inputs: Tensor) -> Tensor:
        outputs = model(inputs)
        return (outputs + outputs.square()).sum(1)

    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    steps = STEP * torch.eye(x.shape[1], dtype=x.dtype)
    with torch.no_grad():
        slopes = (loss(x + steps) - loss(x - steps)) / (2 * STEP)
    return float((gradient[0] - slopes).abs().max() / slopes.abs().max())
