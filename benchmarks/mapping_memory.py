"""Memory and time of mapping one large layer: `python -m benchmarks.mapping_memory`.

Each in a process of its own, as a peak never falls. With a crossbar, inputs and outputs: that layer
alone.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from torch import nn

import wordline as wl

from .memory import peak

LAYERS = (
    ("rethinking-64", 3072, 3072),
    ("rethinking-64", 25088, 4096),  # the first dense layer of VGG16
    ("isaac-like", 1536, 1536),
    ("isaac-like", 8192, 4096),
    ("puma-64x64-100k", 1024, 1024),
    ("puma-64x64-100k", 2048, 2048),
)


def main() -> None:
    """One line a layer, as a table in Markdown."""
    if len(sys.argv) == 4:
        print(" | ".join(measured(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
        return
    print("| crossbar | layer | weights, GB | kept, x | peak, x | above kept, GB | bound, GB | s |")
    print("|---|---|---|---|---|---|---|---|")
    for line in lines():
        print(f"| {line} |", flush=True)


def lines() -> Iterator[str]:
    """The rows of the table, each from a fresh process."""
    command, there = [sys.executable, "-m", "benchmarks.mapping_memory"], Path(__file__).parents[1]
    for name, inputs, outputs in LAYERS:
        run = [*command, name, str(inputs), str(outputs)]
        yield subprocess.run(
            run, cwd=there, capture_output=True, text=True, check=True
        ).stdout.strip()


def measured(name: str, inputs: int, outputs: int) -> tuple[str, ...]:
    """Map the layer, and measure."""
    noisy = name.endswith("+noise")
    crossbar = wl.Crossbar.preset(name.removesuffix("+noise"))
    if noisy:
        entries = (*crossbar.nonidealities, wl.GaussianVariation(0.05), wl.ReadNoise(0.02))
        crossbar = dataclasses.replace(crossbar, nonidealities=entries)
    wl.map_model(nn.Linear(200, 200).eval(), crossbar)  # compiles
    layer = nn.Linear(inputs, outputs, bias=False).eval()
    for parameter in layer.parameters():
        parameter.data.normal_().mul_(0.01)
    before, start = peak(), time.perf_counter()
    chip = wl.map_model(layer, crossbar)
    seconds, taken = time.perf_counter() - start, peak() - before
    weights = inputs * outputs * 4 / 2**30
    kept = sum(b.numel() * b.element_size() for b in chip.buffers()) / 2**30
    bound = f"{wl.mapping_memory(layer, crossbar).peak_bytes / 2**30:.2f}"
    figures = (
        f"{weights:.3f}",
        f"{kept / weights:.1f}",
        f"{taken / weights:.1f}",
        f"{taken - kept:.2f}",
        bound,
    )
    return name, f"{inputs} x {outputs}", *figures, f"{seconds:.1f}"


if __name__ == "__main__":
    main()
