"""Nonlinear arrays against ngspice, in one run.

    python benchmarks/bench_nonlinear.py            table: ms per (tile, sample) and the agreement, about a minute
    make bench                                      the solver alone, under pytest-benchmark

Tiles of `rethinking` constants (driver 1k, row 5, column 10, sense 1k; devices 20k to 200k), sinh devices with b = 4
per volt, inputs uniform up to 0.5 V. ngspice solves one input a run, so its time includes reading the netlist.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from wordline.circuits import SinhDevice, Wires, netlist, run_ngspice, solve_nonlinear

WIRES = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
LAW = SinhDevice(b=4.0)
SIZES = (16, 32, 64)
BATCH = 128


def inputs(n: int, batch: int) -> tuple[Tensor, Tensor]:
    """Voltages `(batch, n)` and one tile `(n, n)`."""
    rng = torch.Generator().manual_seed(n)
    v = torch.rand(batch, n, generator=rng, dtype=torch.float64) / 2
    return v, 5e-6 + 4.5e-5 * torch.rand(n, n, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("n", SIZES)
def test_forward(benchmark: Any, n: int) -> None:
    v, g = inputs(n, BATCH)
    benchmark(lambda: solve_nonlinear(v, g, WIRES, LAW))


@pytest.mark.parametrize("n", SIZES)
def test_forward_and_backward(benchmark: Any, n: int) -> None:
    v, g = inputs(n, BATCH)
    benchmark(lambda: with_gradient(v, g))


def with_gradient(v: Tensor, g: Tensor) -> None:
    """Currents, and the gradient of their sum of squares with respect to both arguments."""
    v, g = v.clone().requires_grad_(), g.clone().requires_grad_()
    (solve_nonlinear(v, g, WIRES, LAW) ** 2).sum().backward()


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of a few times, in seconds: other programs only ever add to it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    with_gradient(*inputs(4, 2))  # compiles
    spice = shutil.which("ngspice") is not None
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, float64, ms per (tile, sample)")
    print("  tile | one sample | batch of 128 | with gradient |  ngspice | ngspice / batch | largest difference")
    for n in SIZES:
        v, g = inputs(n, BATCH)
        one = best(lambda v=v[:1], g=g: solve_nonlinear(v, g, WIRES, LAW)) * 1e3
        many = best(lambda v=v, g=g: solve_nonlinear(v, g, WIRES, LAW)) * 1e3 / BATCH
        both = best(lambda v=v, g=g: with_gradient(v, g)) * 1e3 / BATCH
        line = f"{n:4d}^2 | {one:10.2f} | {many:12.3f} | {both:13.3f} |"
        if spice:
            start = time.perf_counter()
            theirs = run_ngspice(netlist(g, WIRES, v[0], LAW))
            other = (time.perf_counter() - start) * 1e3
            error = ((solve_nonlinear(v[:1], g, WIRES, LAW)[0] - theirs).abs() / theirs.abs()).max().item()
            line += f" {other:8.0f} | {other / many:15.0f} | {error:18.1e}"
        print(line)


if __name__ == "__main__":
    main()
