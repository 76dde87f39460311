"""Operating points of a batch of nonlinear arrays, worked out part by part on many threads."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ...kernels.threads import drain, ordered_map
from ..wires import Wires
from .laws import AbstractDeviceLaw
from .newton import find_operating_points

# Devices solved at a time; on a CPU so few that a part stays in the cache and that torch wakes no
# threads of its own.
_CELLS_ON_CPU, _CELLS_ELSEWHERE = 1 << 14, 1 << 23
Result = TypeVar("Result")


class OperatingPoint(NamedTuple):
    """The operating point of each sample of a nonlinear array, and how well it is known.

    One entry a sample, never one for a batch.
    """

    currents: Float[Tensor, "*tiles batch cols"]
    """Column currents, ampere."""
    device_volts: Float[Tensor, "*tiles batch rows cols"]
    """Voltage across each device, volt."""
    iterations: Int[Tensor, "*tiles batch"]
    """Newton steps from the linear start."""
    residual: Float[Tensor, "*tiles batch"]
    """Kirchhoff mismatch at the worst device: a voltage, relative to the largest applied one."""
    converged: Bool[Tensor, "*tiles batch"]
    """True if the residual is below 1e-12, or at rounding and below 1e-8 where that is more."""


def operating_points(
    v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, keep_volts: bool
) -> OperatingPoint:
    """Solve v `(..., batch, rows)` on g `(..., rows, cols)`, float64 with equal leading dimensions.

    `device_volts` is empty, `(0, rows, cols)`, unless `keep_volts`.
    """
    batch, rows, cols = v.shape[-2], *g.shape[-2:]
    shape, n = v.shape[:-1], math.prod(v.shape[:-1])
    drives = v.reshape(n, rows)
    tiles = g.reshape(-1, rows, cols) if n else g.new_empty(0, rows, cols)
    point = OperatingPoint(
        currents=v.new_empty(n, cols),
        device_volts=v.new_empty(n if keep_volts else 0, rows, cols),
        iterations=torch.empty(n, dtype=torch.int64, device=v.device),
        residual=v.new_empty(n),
        converged=torch.empty(n, dtype=torch.bool, device=v.device),
    )

    def work(part: slice) -> None:
        tile = torch.arange(part.start, part.stop, device=v.device) // batch
        result = find_operating_points(drives[part], tiles.index_select(0, tile), wires, law)
        point.currents[part] = result.currents.sum(1)
        point.iterations[part] = result.iterations
        point.residual[part] = result.residual
        point.converged[part] = result.converged
        if keep_volts:
            point.device_volts[part] = result.volts

    drain(in_parts(work, n, rows * cols, v.device))
    ends = ((cols,), (rows, cols), (), (), ())
    fields = zip(point, ends, strict=True)
    return OperatingPoint(*(x.reshape(*shape, *end) if len(x) == n else x for x, end in fields))


def in_parts(
    work: Callable[[slice], Result], n: int, cells: int, device: torch.device
) -> Iterator[Result]:
    """Yield, in order, the results of work on parts of n samples of `cells` devices each."""
    on_cpu = device.type == "cpu"
    size = max(1, (_CELLS_ON_CPU if on_cpu else _CELLS_ELSEWHERE) // cells)
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    return ordered_map(work, parts, torch.get_num_threads() if on_cpu else 1)
