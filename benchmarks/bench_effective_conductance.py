"""The time of an exact array: ms per tile, against the machine and against other exact methods.

    python -m benchmarks.bench_effective_conductance
        [--sizes 16 32 64 128 256] [--seconds 1.0] [--no-rivals]

Prints the Markdown of results.md and takes about two minutes on two quiet cores. Each rate is set
against the rate of a large matrix product measured just before it, so that the figures mean
something on a busy machine too. Expect, on two cores with AVX-512: 0.006 / 0.04 / 0.27 / 2.0 ms per
16 / 32 / 64 / 128 tile in float64, float32 nearly twice as fast, a time that grows as N^2.9.
badcrossbar is measured if it can be imported, for instance from
`pip install --target DIR badcrossbar` with DIR on PYTHONPATH; ngspice if it is on PATH.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import torch
from benchmarks import column_sweep, memory, rivals
from benchmarks.machine import best, gemm, heading, table, timed
from torch import Tensor

from wordline.circuits import Wires, effective_conductance, netlist, run_ngspice
from wordline.circuits.linear import compiled
from wordline.circuits.linear.dissection import Block, merge_of
from wordline.kernels.registers import VECTOR_BYTES

WIRES = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
SEGMENTS = Wires(driver_ohm=5, row_ohm=5, col_ohm=10, sense_ohm=10)  # all that badcrossbar knows
LOW_S, TOP_S = 5e-6, 5e-5  # devices of 20 to 200 kOhm
GOAL_CELLS = 30_000_000  # both halves of the differential pairs of 15 M weights
SWEEP, BADCROSSBAR, NGSPICE = 128, 64, 32  # largest tiles that are worth the wait


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="time to spend on one figure, roughly"
    )
    parser.add_argument("--no-rivals", action="store_true", help="the library alone")
    args = parser.parse_args()
    print(heading() + "\n")
    times = {n: own(n, args.seconds) for n in args.sizes}
    table([row for row, _ in times.values()])
    if len(args.sizes) > 1:
        logs = np.log(args.sizes), np.log([seconds for _, seconds in times.values()])
        print(f"float64 time per tile grows as N^{np.polyfit(*logs, 1)[0]:.2f}  ")
    print(memory.measured())
    if not args.no_rivals:
        print(
            "the same tiles by other means: ms a tile, times wordline's, largest difference over "
            "largest entry\n"
        )
        table([others(n, seconds) for n, (_, seconds) in times.items()])


def own(n: int, seconds: float) -> tuple[dict[str, str], float]:
    """The row of one size, and the seconds of one tile in float64."""
    row, solved = {"tile": f"{n} x {n}"}, 0.0
    for dtype, name in ((torch.float64, "f64"), (torch.float32, "f32")):
        width = 8 * VECTOR_BYTES // torch.finfo(dtype).bits
        groups = max(1, round(seconds / 3 / (4e-9 * n**3 * width)))
        g = tiles(torch.get_num_threads() * width * min(groups, 512), n).to(dtype)
        peak = gemm(dtype)
        forward = best(lambda g=g: compiled.solve(g, WIRES)) / len(g)
        saved = compiled.solve_and_save(g, WIRES)[1]
        backward = best(lambda g=g, saved=saved: compiled.adjoint(g, g, WIRES, saved)) / len(g)
        streamed = best(lambda g=g: compiled.adjoint(g, g, WIRES)) / len(g)
        rate = flops(n, n) / forward / 1e9
        row |= {
            f"{name} ms": f"{forward * 1e3:.3g}",
            f"{name} 30 M cells": f"{forward * GOAL_CELLS / n**2:.2f} s",
            f"{name} GFLOP/s": f"{rate:.0f} ({rate / peak:.0%} of GEMM)",
            f"{name} adjoint": f"{backward / forward:.2f} x",
            f"{name} adjoint, streamed": f"{streamed / forward:.2f} x",
        }
        if dtype == torch.float64:
            solved = forward
        else:
            one, other = (
                compiled.solve(g[:8], WIRES).double(),
                compiled.solve(g[:8].double(), WIRES),
            )
            row["f32 error"] = (
                f"{((one - other).abs().amax((1, 2)) / other.amax((1, 2))).max():.1e}"
            )
    return row, solved


def others(n: int, solved: float) -> dict[str, str]:
    """Time other exact methods: milliseconds a tile, times the library's, and disagreement."""
    g = tiles(max(torch.get_num_threads(), 4096 // n**2, 1024 // n if n <= SWEEP else 0), n)
    first, row = g[0].numpy(), {"tile": f"{n} x {n}", "wordline": f"{solved * 1e3:.3g} ms"}

    def add(name: str, seconds: float, found: Tensor, wires: Wires = WIRES) -> None:
        ours = effective_conductance(g[: len(found)], wires)
        error = (found - ours).abs().max() / ours.max()
        row[name] = f"{seconds * 1e3:.3g} ms, {seconds / solved:.0f} x, {error:.0e}"

    def sparse(part: Tensor) -> Tensor:
        return torch.from_numpy(np.stack([rivals.sparse_lu(tile, WIRES) for tile in part.numpy()]))

    if n <= SWEEP:
        sweep = partial(column_sweep.effective_conductance, wires=WIRES)
        add("column sweep", *in_threads(sweep, g.split(512 // n)))
    add("sparse LU", *in_threads(sparse, g[: max(torch.get_num_threads(), 4096 // n**2)].split(1)))
    if n <= BADCROSSBAR and rivals.has_badcrossbar():
        rivals.badcrossbar(first[:2], SEGMENTS)  # imports
        seconds, found = timed(lambda: rivals.badcrossbar(first, SEGMENTS))
        add("badcrossbar", seconds, torch.from_numpy(found)[None], SEGMENTS)
    if n <= NGSPICE and shutil.which("ngspice"):
        seconds, found = timed(lambda: rivals.ngspice(first, WIRES))
        add("ngspice", seconds, torch.from_numpy(found)[None])
        single = netlist(g[0], WIRES, torch.ones(n, dtype=torch.float64))
        row["ngspice, one input"] = f"{timed(lambda: run_ngspice(single))[0] * 1e3:.3g} ms"
    return row


def in_threads(solve: Callable[[Tensor], Tensor], parts: Sequence[Tensor]) -> tuple[float, Tensor]:
    """Seconds a tile when each thread takes part after part, and the answers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            answers = torch.cat(list(pool.map(solve, parts)))
            return best(lambda: list(pool.map(solve, parts)), 2) / len(answers), answers
    finally:
        torch.set_num_threads(threads)


def tiles(count: int, n: int) -> Tensor:
    """Tiles `(count, n, n)` of devices spread evenly over the window."""
    generator = torch.Generator().manual_seed(n)
    return LOW_S + (TOP_S - LOW_S) * torch.rand(
        count, n, n, dtype=torch.float64, generator=generator
    )


def flops(rows: int, cols: int) -> float:
    """Count the multiplications and additions of the merges of one tile above 2 x 2 cells.

    What borders make useless is left out; leaves, copies and loads count nothing.
    """
    return _flops(Block(rows, cols))


@cache
def _flops(block: Block) -> float:
    if block.is_small:
        return 0.0
    step = merge_of(block)
    q = len(step.upstream_interior)
    up, down = len(step.upstream_exterior), len(step.downstream_exterior)
    (up_l, up_b), (down_l, down_b) = (
        [sum(child.ports[port][0] == side for port in exterior) * on_border
         for side, on_border in (("L", block.left), ("B", block.bottom))]
        for child, exterior in (
            (step.upstream, step.upstream_exterior), (step.downstream, step.downstream_exterior)
        )
    )  # fmt: skip
    loop = 2 * q**3 + 2 * q**3 + q**3
    products = 2 * q**2 * ((up - up_l) + (down - down_l) + down)
    squares = (up**2 - up_l**2 - up_b**2 + down**2 - down_l**2 - down_b**2) / 2
    pairs = squares + up * down - up_l * down_l - up_b * down_b
    own = loop + products + 2 * q * pairs
    return own + _flops(step.upstream) + _flops(step.downstream)


if __name__ == "__main__":
    main()
