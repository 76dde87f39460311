"""Nonlinear arrays against ngspice, in one run.

    python -m benchmarks.bench_nonlinear            the Markdown of results.md, about a minute
    make bench                                      the solver alone, under pytest-benchmark

Tiles of `rethinking` constants (driver 1k, row 5, column 10, sense 1k; devices 20k to 200k), sinh
devices with b = 4 per volt, inputs uniform up to 0.5 V. ngspice solves one input a run, so its time
includes reading the netlist. Its currents are compared for every column of the inputs it solves.
"""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
from benchmarks.machine import best, heading, table, timed
from torch import Tensor

from wordline.circuits import (
    SinhDevice,
    Wires,
    netlist,
    nonlinear_operating_point,
    run_ngspice,
    solve_nonlinear,
)

WIRES = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
LAW = SinhDevice(b=4.0)
SIZES = (16, 32, 64)
BATCH, SPICE_INPUTS = 128, 3


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


def row(n: int) -> dict[str, str]:
    """Milliseconds per tile and input for one size, and what ngspice makes of the first inputs."""
    v, g = inputs(n, BATCH)
    one = best(lambda: solve_nonlinear(v[:1], g, WIRES, LAW), 5)
    many = best(lambda: solve_nonlinear(v, g, WIRES, LAW), 5) / BATCH
    both = best(lambda: with_gradient(v, g), 5) / BATCH
    point = nonlinear_operating_point(v, g, WIRES, LAW)
    out = {
        "tile": f"{n} x {n}",
        "one input": f"{one * 1e3:.3g} ms",
        f"in a batch of {BATCH}": f"{many * 1e3:.3g} ms",
        "with gradient": f"{both * 1e3:.3g} ms",
        "Newton steps": f"{point.iterations.min()} to {point.iterations.max()}",
        "converged": f"{point.converged.sum()} of {BATCH}",
    }
    if shutil.which("ngspice"):
        runs = [
            timed(lambda k=k: run_ngspice(netlist(g, WIRES, v[k], LAW)))
            for k in range(SPICE_INPUTS)
        ]
        spice, theirs = (
            min(seconds for seconds, _ in runs),
            torch.stack([found for _, found in runs]),
        )
        error = ((point.currents[:SPICE_INPUTS] - theirs).abs() / theirs.abs()).max()
        out |= {
            "ngspice": f"{spice * 1e3:.3g} ms",
            "ngspice / one input": f"{spice / one:.0f} x",
            "ngspice / in a batch": f"{spice / many:.0f} x",
            "differs by": f"{error:.0e}",
        }
    return out


def main() -> None:
    """Print the table."""
    with_gradient(*inputs(4, 2))  # compiles
    print(heading() + "\n")
    table([row(n) for n in SIZES])


if __name__ == "__main__":
    main()
