"""Working memory of the exact solve and its adjoint: `python -m benchmarks.memory`.

Measured in a process of its own, as a peak never falls.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import torch

from wordline.circuits import Wires, effective_conductance

WIRES = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
TILES, SIZE = 30_000_000 // 64**2, 64


def measured() -> str:
    """The lines that `main` prints, from a fresh process."""
    command, there = [sys.executable, "-m", "benchmarks.memory"], Path(__file__).parents[1]
    return "".join(
        subprocess.run(
            [*command, kind], cwd=there, capture_output=True, text=True, check=True
        ).stdout
        for kind in ("float64", "float32")
    )


def peak() -> float:
    """Most memory that this process has held, GB."""
    try:  # not ru_maxrss, which a process started by a larger one inherits
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (
            30 if sys.platform == "darwin" else 20
        )


def main() -> None:
    """Solve once, then differentiate."""
    dtype = {"float64": torch.float64, "float32": torch.float32}[
        sys.argv[1] if len(sys.argv) > 1 else "float64"
    ]
    small = torch.full((1, SIZE, SIZE), 1e-5, dtype=dtype, requires_grad=True)
    effective_conductance(small, WIRES).sum().backward()  # compiles
    g = torch.rand(TILES, SIZE, SIZE, dtype=dtype).mul_(5e-5)
    room = [torch.ones_like(g) for _ in range(3)]  # for W, dL/dW and dL/dG
    before = peak()
    room[0].copy_(effective_conductance(g, WIRES))
    forward = peak() - before
    room.clear()
    g.requires_grad_()
    effective_conductance(g, WIRES).backward(torch.ones_like(g))
    print(
        f"peak memory for {g.numel():,} cells in {dtype}, above input and results "
        f"({torch.get_num_threads()} threads): "
        f"{forward:.2f} GB for W, {peak() - before:.2f} GB for W and its adjoint"
    )


if __name__ == "__main__":
    main()
