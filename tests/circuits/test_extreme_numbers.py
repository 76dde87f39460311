"""Conductances and resistances from denormal to 1e30, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from types import ModuleType

import numpy as np
import pytest
import torch
from tests.circuits.conformance import TYPICAL, conductances, ohms, wired
from tests.oracles import exact
from torch import Tensor

from wordline.circuits import Wires
from wordline.circuits.linear import compiled, reference

SOLVERS = {"compiled": compiled, "reference": reference}
DTYPES = {"f64": torch.float64, "f32": torch.float32}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS.keys())
every_dtype = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES.keys())

RESISTIVE = {
    "typical": TYPICAL,
    "wires only": wired(0.0, 5.0, 10.0, 0.0),
    "no column": wired(1e3, 5.0, 0.0, 1e3),
    "denormal": wired(5e-324, 1e-310, 5e-324, 1e-320),
    "huge driver": wired(1e30, 5.0, 10.0, 1e3),
    "huge sense": wired(1e3, 5.0, 10.0, 1e30),
    "huge row": wired(1e3, 1e30, 10.0, 1e3),
    "huge column": wired(1e3, 5.0, 1e30, 1e3),
    "huge": wired(1e30, 1e30, 1e30, 1e30),
}
# Driver and sense, and next to nothing between: all devices stand side by side, and only their sum
# is felt.
UNWIRED = {
    "ends only": wired(1e3, 0.0, 0.0, 500.0),
    "ends and next to nothing": wired(1e3, 1e-310, 1e-310, 1e3),
}
SCALES = [5e-324, 1e-310, 1e-40, 1e-3, 1e6, 1e30]


def extreme_tiles(scale: float, dtype: torch.dtype) -> Tensor:
    """All devices of that size; ordinary ones and one of that size; a row and a column."""
    ordinary = conductances(2, 3, top=5e-5)
    one = ordinary.clone()
    one[1, 1] = scale
    return torch.stack(
        [ordinary * 2e4 * scale, one, torch.where(ordinary > 2.5e-5, scale, 0.0)]
    ).to(dtype)


exact_answer = cache(lambda g, ohms: exact.effective_conductance(g, *ohms))


def exact_distance(got: Tensor, g: Tensor, wires: Wires) -> float:
    """Largest error relative to the tile's largest entry, what the type cannot tell from zero
    forgiven.
    """
    as_held = tuple(torch.tensor(ohms(wires), dtype=g.dtype).tolist())
    worst = 0.0
    for tile, answer in zip(g.tolist(), got.tolist(), strict=True):
        want = exact_answer(tuple(map(tuple, tile)), as_held)
        floor = 4 * Fraction(torch.finfo(g.dtype).smallest_normal * torch.finfo(g.dtype).eps)
        top = max(map(max, want))
        for x, y in (
            (x, y) for line in zip(answer, want, strict=True) for x, y in zip(*line, strict=True)
        ):
            if not np.isfinite(x):
                return float("inf")
            if abs(Fraction(x) - y) > floor:
                worst = max(worst, float(abs(Fraction(x) - y) / top))
    return worst


@every_dtype
@every_solver
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", RESISTIVE)
def test_extreme_numbers(name: str, scale: float, solver: ModuleType, dtype: torch.dtype) -> None:
    g, wires = extreme_tiles(scale, dtype), RESISTIVE[name]
    assert exact_distance(solver.solve(g, wires), g, wires) < (
        1e-12 if dtype == torch.float64 else 2e-4
    )


@every_dtype
@every_solver
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", UNWIRED)
def test_extreme_numbers_without_wires(
    name: str, scale: float, solver: ModuleType, dtype: torch.dtype
) -> None:
    g, wires = extreme_tiles(scale, dtype), UNWIRED[name]
    assert exact_distance(solver.solve(g, wires), g, wires) < (
        1e-12 if dtype == torch.float64 else 1e-3
    )
