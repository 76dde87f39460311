"""The time of a layer behind converters, in times of plain `F.conv2d` on the effective weights.

    python benchmarks/bench_reads.py [--batch 64] [--repeats 7] [--generic]

128 -> 128 channels, 3 x 3, padding 1, 16 x 16 maps, 64 x 64 tiles, float32: a pair of arrays, an
ADC behind every column of every tile; unrolling is included. Prints a Markdown table. Each read is
timed in turns with the convolution, and the shortest time of each counts. `--generic` adds the path
in torch that curved arrays and GPUs take. Expect, on two cores with AVX2: 2.6 times the convolution
with 8-bit ADCs; after ReLU 18 times with 4-bit slices and streams on ideal arrays, 27 times with
wires, where a device needs two bytes; twice as much with slices where inputs have both signs.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import math
import os
import time
from collections.abc import Callable
from importlib.metadata import version

import torch
from torch import Tensor, nn
from torch.nn import functional

import wordline as wl
from wordline.kernels import reads
from wordline.kernels.reads.micro_kernels import FOURS, NARROW, PRODUCTS, TWOS
from wordline.nn.reading import read_fast

WIRED = wl.Crossbar(
    tile=(64, 64), device=wl.Memristor(r_on_ohm=1e5, r_off_ohm=6e5), gain=wl.UnitGain(),
    wires=wl.Wires(driver_ohm=500, row_ohm=2.5, col_ohm=2.5, sense_ohm=100),
    adc=wl.UniformConverter(bits=8, range=wl.FullScale(0.25)),
)  # fmt: skip
SLICED = dataclasses.replace(
    WIRED, slicing=wl.BitSlicing(16, 4, 16, 4),
    adc=wl.UniformConverter(bits=14, range=wl.FullScale(), signed=False, less_off_current=True),
)  # fmt: skip
NAMES = {TWOS: "16 bits", FOURS: "bytes in 32 bits", NARROW: "bytes in 16 bits"}
CASES = {
    "8-bit ADC, no slices": WIRED,
    "4-bit slices and streams of 16 bits, 14-bit ADC, wires": SLICED,
    "4-bit slices and streams of 16 bits, 14-bit ADC, no wires": dataclasses.replace(
        SLICED, wires=wl.Wires()
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--generic", action="store_true", help="also the path in torch")
    args = parser.parse_args()
    print(
        f"wordline {version('wordline')}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, "
        f"batch {args.batch}, whole numbers: {', '.join(NAMES[form] for form in PRODUCTS)}, "
        f"{datetime.date.today()}\n"
    )
    print(
        "| crossbar | inputs | convolution ms | read | kernel alone | with derivative | saturated |"
    )
    print("|---|---|---|---|---|---|---|")
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(args.batch, 128, 16, 16, generator=generator)
    layer = nn.Conv2d(128, 128, 3, padding=1, bias=False).eval().requires_grad_(False)
    layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) / 34)
    paths = {"": True, " (torch)": False} if args.generic else {"": True}
    for name, crossbar in CASES.items():
        chip = wl.map_model(layer, crossbar)
        for path, kernel in paths.items():
            for kind, x in (("after ReLU", noise.relu()), ("both signs", noise)):
                print(
                    f"| {name}{path} | {kind} | {_row(chip, x, args.repeats, kernel)} |", flush=True
                )


def _row(chip: wl.Chip, x: Tensor, repeats: int, kernel: bool) -> str:
    (layer,) = chip.layers.values()
    weight = layer.effective_weight
    layer.tally = type(layer.tally)()
    alone = 0.0
    inner, applies = reads.convert, read_fast.applies

    def timed(*arguments: object, **named: object) -> object:
        nonlocal alone
        start = time.perf_counter()
        answer = inner(*arguments, **named)  # type: ignore[arg-type]
        alone = time.perf_counter() - start
        return answer

    def forward() -> None:
        with torch.no_grad():
            chip(x)

    def both(run: Callable[[Tensor], Tensor]) -> None:
        leaf = x.detach().requires_grad_()
        y = run(leaf)
        y.backward(y.detach())

    def plain(images: Tensor) -> Tensor:
        return functional.conv2d(images, weight, None, padding=1)

    try:
        reads.convert = timed  # type: ignore[assignment]
        if not kernel:
            read_fast.applies = lambda *_: False
        convolution, read, inside = _pair(lambda: plain(x), forward, repeats, lambda: alone)
        convolution_back, read_back, _ = _pair(
            lambda: both(plain), lambda: both(chip), repeats, lambda: 0.0
        )
    finally:
        reads.convert, read_fast.applies = inner, applies
    return (
        f"{convolution * 1e3:.1f} | {read / convolution:.2f} x | {inside / convolution:.2f} x | "
        f"{read_back / convolution_back:.2f} x | {layer.tally.saturation:.1e}"
    )


def _pair(
    one: Callable[[], object],
    other: Callable[[], object],
    repeats: int,
    inside: Callable[[], float],
) -> tuple[float, float, float]:
    """The shortest time of each, in turns, and of what is inside the second."""
    one(), other()
    best = [math.inf] * 3
    for _ in range(repeats):
        start = time.perf_counter()
        one()
        middle = time.perf_counter()
        other()
        best = [
            min(b, t)
            for b, t in zip(
                best, (middle - start, time.perf_counter() - middle, inside()), strict=True
            )
        ]
    return best[0], best[1], best[2]


if __name__ == "__main__":
    main()
