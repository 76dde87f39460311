"""How long an exact array takes: milliseconds per tile, against a sparse LU that factors once, and against the machine.

    python benchmarks/bench_effective_conductance.py [--sizes 16 32 64 128 256] [--seconds 1.0] [--no-rivals]

Prints a Markdown table and takes about a minute on two quiet cores. Each rate is set against the rate of a large matrix
product measured just before it, so that the figures mean something on a busy machine too. Expect, on two cores with
AVX-512: 0.006 / 0.04 / 0.27 / 2.0 ms per 16 / 32 / 64 / 128 tile in float64, float32 nearly twice as fast, a time that
grows as N^2.9.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import math
import os
import platform
import resource
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context

import numpy as np
import scipy
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import splu

from wordline.circuits import Wires, compiled, effective_conductance, netlist, run_ngspice
from wordline.circuits.lanes import VECTOR_BYTES

WIRES = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
TOP_S = 5e-5  # devices of 20 kOhm and more
GOAL_CELLS = 30_000_000  # both halves of the differential pairs of 15 M weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument("--seconds", type=float, default=1.0, help="time to spend on one figure, roughly")
    parser.add_argument("--no-rivals", action="store_true", help="neither sparse LU nor badcrossbar nor ngspice")
    args = parser.parse_args()
    threads = torch.get_num_threads()
    load = os.getloadavg()[0]
    print(f"{_cpu()}, {threads} threads of {os.cpu_count()}, load {load:.1f}, {VECTOR_BYTES * 8} bit vectors")
    print(
        f"wordline {version('wordline')}, torch {torch.__version__}, numpy {np.__version__}, scipy {scipy.__version__},"
        f" Python {platform.python_version()}, {datetime.date.today()}\n"
    )
    peaks = {}
    for dtype in (torch.float64, torch.float32):  # in processes of their own, while this one, whose peak they take
        with ProcessPoolExecutor(1, get_context("spawn")) as process:  # over, is still small
            peaks[dtype] = process.submit(_memory, dtype).result()
    rows, times = [], []
    for n in args.sizes:
        row, seconds = _measure(n, args.seconds, threads, not args.no_rivals)
        rows.append(row)
        times.append(seconds)
    _table(rows)
    logs = np.log(args.sizes), np.log(times)
    if len(args.sizes) > 1:
        print(f"\nfloat64 time per tile grows as N^{np.polyfit(*logs, 1)[0]:.2f}")
    for dtype, peak in peaks.items():
        print(f"forward and adjoint of {GOAL_CELLS:,} cells, 64 x 64, {dtype}: {peak:.2f} GB above G, W, gradients")



def _measure(n: int, seconds: float, threads: int, rivals: bool) -> tuple[dict[str, str], float]:
    row: dict[str, str] = {"tile": f"{n} x {n}"}
    solved = 0.0
    for dtype, name in ((torch.float64, "f64"), (torch.float32, "f32")):
        width = VECTOR_BYTES // torch.finfo(dtype).bits * 8
        groups = max(1, round(seconds / 3 / (4e-9 * n**3 * width)))
        g = torch.rand(threads * width * min(groups, 512), n, n, dtype=dtype) * TOP_S
        peak = _gemm(dtype)
        forward = _best(lambda g=g: compiled.solve(g, WIRES)) / len(g)
        state = compiled.solve_and_keep(g, WIRES)[1]
        backward = _best(lambda g=g, state=state: compiled.adjoint(g, g, WIRES, state), 2) / len(g)
        streamed = _best(lambda g=g: compiled.adjoint(g, g, WIRES), 2) / len(g)
        rate = flops(n, n) / forward / 1e9
        row |= {
            f"{name} ms": f"{forward * 1e3:.3g}",
            f"{name} 30 M cells": f"{forward * GOAL_CELLS / n**2:.2f} s",
            f"{name} GFLOP/s": f"{rate:.0f} ({rate / peak:.0%} of GEMM)",
            f"{name} adjoint, kept": f"{backward / forward:.1f} x",
            f"{name} adjoint, streamed": f"{streamed / forward:.1f} x",
        }
        if dtype == torch.float64:
            solved = forward
            exact = effective_conductance(g[:1], WIRES)
        else:
            single = compiled.solve(g[:8], WIRES).double()
            double = compiled.solve(g[:8].double(), WIRES)
            row["f32 error"] = f"{((single - double).abs().amax((1, 2)) / double.amax((1, 2))).max():.1e}"
    if rivals:
        g64 = (torch.rand(threads, n, n, dtype=torch.float64) * TOP_S).numpy()
        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(sparse_lu, g64))
            repeats = max(1, 4096 // (n * n))  # small tiles: long enough to be timed, the first call left out
            start = time.perf_counter()
            for _ in range(repeats):
                answers = list(pool.map(sparse_lu, g64))
            lu = (time.perf_counter() - start) / threads / repeats
        ours = effective_conductance(torch.from_numpy(g64), WIRES).numpy()
        row["sparse LU ms"] = f"{lu * 1e3:.3g}"
        row["LU / f64"] = f"{lu / solved:.0f} x"
        row["LU differs by"] = f"{np.abs(np.stack(answers) - ours).max() / ours.max():.0e}"
        row |= _others(g64[0], n)
    del exact
    return row, solved


def sparse_lu(g: np.ndarray) -> np.ndarray:
    """All 2 N^2 node equations, factored once, solved for each input: what exact tools do today."""
    n, m = g.shape
    node = np.arange(n * m).reshape(n, m)
    col = node + n * m
    a, b, y = [], [], []
    for one, other, siemens in (
        (node, col, g),
        (node[:, 1:], node[:, :-1], np.full((n, m - 1), 1 / WIRES.row_ohm)),
        (col[1:], col[:-1], np.full((n - 1, m), 1 / WIRES.col_ohm)),
    ):
        a.append(one.ravel())
        b.append(other.ravel())
        y.append(siemens.ravel())
    i, j, s = (np.concatenate(x) for x in (a, b, y))
    ends = np.concatenate([node[:, 0], col[-1]])
    end_s = np.concatenate([np.full(n, 1 / WIRES.driver_ohm), np.full(m, 1 / WIRES.sense_ohm)])
    at = np.concatenate([i, j, i, j, ends]), np.concatenate([i, j, j, i, ends])
    matrix = sp.coo_matrix((np.concatenate([s, s, -s, -s, end_s]), at)).tocsc()
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
    w = np.empty((n, m))
    for k in range(n):
        drive = np.zeros(2 * n * m)
        drive[node[k, 0]] = 1 / WIRES.driver_ohm
        w[k] = factors.solve(drive)[col[-1]] / WIRES.sense_ohm
    return w


def _others(g: np.ndarray, n: int) -> dict[str, str]:
    out = {}
    if importlib.util.find_spec("badcrossbar") and n <= 64:
        import badcrossbar

        resistances = 1 / np.maximum(g, 1e-12)
        start = time.perf_counter()
        badcrossbar.compute(np.eye(n), resistances, r_i_word_line=WIRES.row_ohm, r_i_bit_line=WIRES.col_ohm)
        out["badcrossbar ms"] = f"{(time.perf_counter() - start) * 1e3:.3g}"
    if shutil.which("ngspice") and n <= 32:
        start = time.perf_counter()
        run_ngspice(netlist(torch.from_numpy(g), WIRES, torch.ones(n, dtype=torch.float64)))
        out["ngspice ms (one input)"] = f"{(time.perf_counter() - start) * 1e3:.3g}"
    return out


def flops(rows: int, cols: int) -> float:
    """Operations of the joins that the compiled solver performs for one tile (multiplications and additions)."""
    p = compiled.program(rows, cols, 1)
    kinds, counts = np.unique(p.steps[p.steps[:, 0] >= 0, 0], return_counts=True)
    total = 0.0
    for kind, count in zip(kinds, counts, strict=True):
        q, pg, pt, lg, bg, lt, bt = (int(x) for x in p.kinds[kind][:7])
        loop = 2 * q**3 + 2 * q**3 + q**3
        ways = 2 * q**2 * ((pg - lg) + (pt - lt) + pt)
        pairs = (pg**2 - lg**2 - bg**2 + pt**2 - lt**2 - bt**2) / 2 + pg * pt - lg * lt - bg * bt
        total += count * (loop + ways + 2 * q * pairs)
    return total


def _gemm(dtype: torch.dtype) -> float:
    a = torch.rand(1024, 1024, dtype=dtype)
    return 2 * 1024**3 / _best(lambda: a @ a, 5) / 1e9


def _best(run: Callable[[], object], times: int = 3) -> float:
    run()
    best = math.inf
    for _ in range(times):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def _memory(dtype: torch.dtype) -> float:
    """Peak of a forward and backward pass over 30 M cells of 64 x 64 tiles above inputs and outputs, in GB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    g = torch.rand(GOAL_CELLS // 64**2, 64, 64, dtype=dtype).mul_(TOP_S).requires_grad_()
    weight = torch.ones_like(g)
    w = effective_conductance(g, WIRES)
    w.backward(weight)
    owned = 4 * g.numel() * g.element_size()  # g, W and their gradients
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e9 - owned / 1e9


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _table(rows: list[dict[str, str]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(row.get(column, "") for column in columns) + " |")


if __name__ == "__main__":
    main()
