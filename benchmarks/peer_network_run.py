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
from benchmarks.peer_networks import SETTINGS, TOOLS, Setting
from torch import Tensor, nn

OHMS, STEP = (0.0, 5.0, 20.0), 1e-2


def measured(tool: str, setting: str, args: argparse.Namespace) -> dict[str, str]:
    """Program a ResNet-20 and run it; rates are of the shortest pass, in turns with software's."""
    net, images = resnet20.network(args.network), resnet20.images(args.data, max(args.batches))
    build, values = TOOLS[tool].build, SETTINGS[setting]
    with contextlib.redirect_stdout(io.StringIO()):
        build(nn.Sequential(nn.Linear(70, 70)).eval(), values)  # imports, compiles
        before = peak()
        to_map, chip = timed(lambda: build(net, values))
    cells = {"map, s": f"{to_map:.2f}"}
    for name, run in (("forward", forward), ("forward and backward", backward)):
        slowest = 0.0
        for batch in args.batches:
            column = f"{name}, batch {batch}"
            if slowest * batch > args.limit:
                cells[column] = "not run"
                continue
            ours, theirs = in_turns(run, chip, net, images[:batch], args.seconds)
            slowest = ours / batch
            times = "" if tool == "software" else f" ({ours / theirs:.3g} x)"
            cells[column] = f"{batch / ours:.3g}{times}"
        cells[f"peak after {name}, MB"] = f"{peak() * 1024:.0f}"
    cells["before mapping, MB"] = f"{before * 1024:.0f}"
    with torch.no_grad():
        logits, truth = chip(images[:1]), net(images[:1])
    difference = (logits - truth).abs().max() / truth.abs().max()
    cells["logits differ from software's"] = f"{difference:.1e}"
    return cells


def forward(model: nn.Module, images: Tensor) -> None:
    """One pass without derivatives."""
    with torch.no_grad():
        model(images)


def backward(model: nn.Module, images: Tensor) -> None:
    """One pass, and the derivative of a number with respect to the images."""
    leaf = images.clone().requires_grad_()
    torch.autograd.grad(model(leaf).logsumexp(1).sum(), leaf)


def in_turns(
    run: Callable[[nn.Module, Tensor], None], chip: nn.Module, net: nn.Module, images: Tensor,
    seconds: float,
) -> tuple[float, float]:  # fmt: skip
    """Shortest pass of each, in turns; the first does not count unless it takes all the time."""
    run(net, images)
    first, _ = timed(lambda: run(chip, images))
    if first > 4 * seconds:
        return first, timed(lambda: run(net, images))[0]
    ours, theirs, until = [], [], time.perf_counter() + seconds
    while len(ours) < 3 or time.perf_counter() < until:
        theirs.append(timed(lambda: run(net, images))[0])
        ours.append(timed(lambda: run(chip, images))[0])
    return min(ours), min(theirs)


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
