"""Does this machine compute what it should? The solver, the gradients and the attacks against independent answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..attacks import PGD
from ..circuits import Wires, effective_conductance
from ..mapping import Crossbar
from ..nn import map_model
from ..text import render_table
from ..values import Value
from ..models import load_model


@dataclass(frozen=True)
class CheckResult(Value):
    """One check: what was compared, how far off it was and how far it may be."""

    name: str
    error: float
    allowed: float

    @property
    def passed(self) -> bool:
        """Whether the error is within what is allowed; NaN never is."""
        return self.error <= self.allowed


def selfcheck() -> tuple[CheckResult, ...]:
    """Run every check; takes seconds."""
    checks: tuple[tuple[str, Callable[[], float], float], ...] = (
        ("circuit, float64, against dense Kirchhoff", lambda: _solver_error(torch.float64), 1e-9),
        ("circuit, float32, against dense Kirchhoff", lambda: _solver_error(torch.float32), 1e-5),
        ("circuit gradient against central differences", _adjoint_error, 1e-6),
        ("chip input gradient against central differences, 1 - cosine", _chip_gradient_error, 1e-6),
        ("PGD on a linear model against the closed form", _attack_error, 1e-5),
    )
    return tuple(CheckResult(name, run(), allowed) for name, run, allowed in checks)


def render_checks(results: tuple[CheckResult, ...]) -> str:
    """The results as a table."""
    rows = [(r.name, f"{r.error:.1e}", f"{r.allowed:.0e}", "pass" if r.passed else "FAIL") for r in results]
    return render_table(("check", "error", "allowed", ""), rows)


_WIRES = Wires(driver_ohm=1e3, row_ohm=5.0, col_ohm=10.0, sense_ohm=1e3)


def _conductances(rows: int, cols: int) -> torch.Tensor:
    share = torch.rand(rows, cols, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return 5e-6 + share * 45e-6


def _solver_error(dtype: torch.dtype) -> float:
    g = _conductances(12, 9)
    expected = torch.from_numpy(_kirchhoff(g.numpy()))
    return float(((effective_conductance(g.to(dtype), _WIRES).double() - expected) / expected).abs().max())


def _kirchhoff(g: np.ndarray) -> np.ndarray:
    """All 2NM node equations of PHYSICS section 1 as one dense system, one solve per input; no shared code."""
    n, m = g.shape
    lhs, rhs = np.zeros((2 * n * m, 2 * n * m)), np.zeros((2 * n * m, n))

    def tie(a: int, b: int, siemens: float) -> None:
        lhs[a, a] += siemens
        lhs[b, b] += siemens
        lhs[a, b] -= siemens
        lhs[b, a] -= siemens

    for i in range(n):
        for j in range(m):
            row, col = i * m + j, n * m + i * m + j
            tie(row, col, g[i, j])
            if j + 1 < m:
                tie(row, row + 1, 1 / _WIRES.row_ohm)
            if i + 1 < n:
                tie(col, col + m, 1 / _WIRES.col_ohm)
        lhs[i * m, i * m] += 1 / _WIRES.driver_ohm
        rhs[i * m, i] = 1 / _WIRES.driver_ohm
    for j in range(m):
        lhs[n * m + (n - 1) * m + j, n * m + (n - 1) * m + j] += 1 / _WIRES.sense_ohm
    volts = np.linalg.solve(lhs, rhs)
    return volts[n * m + (n - 1) * m :].T / _WIRES.sense_ohm


def _adjoint_error() -> float:
    g = _conductances(5, 4).requires_grad_()
    weights = torch.randn(5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    direction = torch.randn(5, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 1e-6
    (gradient,) = torch.autograd.grad((effective_conductance(g, _WIRES) * weights).sum(), g)
    with torch.no_grad():
        step = 1e-3 * direction
        up, down = (float((effective_conductance(g + s, _WIRES) * weights).sum()) for s in (step, -step))
    exact = float((gradient * direction).sum())
    return abs((up - down) / 2e-3 - exact) / abs(exact)


def _chip_gradient_error() -> float:
    chip = map_model(load_model("digits-cnn"), Crossbar.preset("rethinking-16")).double()
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (gradient,) = torch.autograd.grad(chip(x.requires_grad_()).logsumexp(1).sum(), x)
    numeric, h = torch.empty(64, dtype=torch.float64), 1e-6
    with torch.no_grad():
        for k in range(64):
            step = torch.zeros(64, dtype=torch.float64)
            step[k] = h
            up, down = (chip(x + s * step.view_as(x)).logsumexp(1).sum() for s in (1, -1))
            numeric[k] = (up - down) / (2 * h)
    return 1 - float(nn.functional.cosine_similarity(gradient.flatten(), numeric, dim=0))


def _attack_error() -> float:
    """On logits (w.x, -w.x) the strongest Linf attack lowers w.x by eps ||w||_1."""
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(20, generator=generator, dtype=torch.float64)
    model = nn.utils.skip_init(nn.Linear, 20, 2, bias=False).double().eval()
    model.weight.data = torch.stack((w, -w))
    x = 0.3 + 0.4 * torch.rand(8, 20, generator=generator, dtype=torch.float64)
    eps = 0.05
    found = PGD(eps=eps, steps=20, step_size=eps / 4)(model, x, torch.zeros(8, dtype=torch.int64), generator=generator)
    reached = ((x - found) @ w) / (eps * w.abs().sum())
    return float((reached - 1).abs().max())
