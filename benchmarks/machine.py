"""Shared parts of the benchmarks.

The machine in words, the shortest of a few times, the matrix-product rate, Markdown.
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TypeVar

import numpy as np
import scipy
import torch

from wordline.kernels.registers import VECTOR_BYTES

Result = TypeVar("Result")


def heading() -> str:
    """Processor, threads, load, versions, date."""
    return (
        f"{_cpu()}, {torch.get_num_threads()} threads of {os.cpu_count()}, "
        f"load {os.getloadavg()[0]:.1f}, "
        f"{VECTOR_BYTES * 8} bit vectors; "
        f"wordline {version('wordline')}, torch {torch.__version__}, "
        f"numpy {np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()}, "
        f"{datetime.date.today()}"
    )


def best(run: Callable[[], object], times: int = 3) -> float:
    """Shortest of a few times, in seconds, after a first that does not count.

    Other programs only ever add to it.
    """
    run()
    return min(timed(run)[0] for _ in range(times))


def timed(run: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds of one call, and what it returned."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def gemm(dtype: torch.dtype) -> float:
    """GFLOP/s of a large matrix product, the most that the machine gives to dense algebra."""
    a = torch.rand(1024, 1024, dtype=dtype)
    return 2 * 1024**3 / best(lambda: a @ a, 5) / 1e9


def table(rows: Sequence[dict[str, str]]) -> None:
    """Print rows as Markdown; a column stands where a row first names it."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(row.get(column, "") for column in columns) + " |")
    print()


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(
                line.split(":")[1].strip() for line in lines if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
