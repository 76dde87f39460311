"""Self-check of a machine: solver, gradients and attacks against independent answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ..attacks import PGD
from ..circuits import Wires, effective_conductance
from ..mapping import Crossbar
from ..models import load_model
from ..nn import map_model
from ..records import CheckResult


def selfcheck() -> tuple[CheckResult, ...]:
    """Run every check; this takes seconds."""
    checks: tuple[tuple[str, Callable[[], float], float], ...] = (
        ("circuit, float64, against dense Kirchhoff", lambda: _solver_error(torch.float64), 1e-9),
        ("circuit, float32, against dense Kirchhoff", lambda: _solver_error(torch.float32), 1e-5),
        ("circuit gradient against central differences", _adjoint_error, 1e-6),
        ("chip input gradient against central differences, 1 - cosine", _chip_gradient_error, 1e-6),
        ("PGD on a linear model against the closed form", _attack_error, 1e-5),
    )
    return tuple(CheckResult(name, run(), allowed) for name, run, allowed in checks)


_WIRES = Wires(driver_ohm=1e3, row_ohm=5.0, col_ohm=10.0, sense_ohm=1e3)


def _conductances(rows: int, cols: int) -> torch.Tensor:
    share = torch.rand(rows, cols, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return 5e-6 + share * 45e-6


def _solver_error(dtype: torch.dtype) -> float:
    g = _conductances(12, 9)
    expected = torch.from_numpy(_kirchhoff(g.numpy()))
    found = effective_conductance(g.to(dtype), _WIRES).double()
    return float(((found - expected) / expected).abs().max())


def _kirchhoff(g: np.ndarray) -> np.ndarray:
    """Solve all 2NM node equations as one dense system, one input at a time; no shared code."""
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
    generator = torch.Generator().manual_seed(2)
    direction = torch.randn(5, 4, generator=generator, dtype=torch.float64) * 1e-6
    (gradient,) = torch.autograd.grad((effective_conductance(g, _WIRES) * weights).sum(), g)
    with torch.no_grad():
        step = 1e-3 * direction
        up, down = (
            float((effective_conductance(g + s, _WIRES) * weights).sum()) for s in (step, -step)
        )
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
    """Compare PGD on logits (w.x, -w.x) with the optimum, w.x lowered by eps ||w||_1."""
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(20, generator=generator, dtype=torch.float64)
    model = nn.utils.skip_init(nn.Linear, 20, 2, bias=False).double().eval()
    model.weight.data = torch.stack((w, -w))
    x = 0.3 + 0.4 * torch.rand(8, 20, generator=generator, dtype=torch.float64)
    eps = 0.05
    attack, labels = PGD(eps=eps, steps=20, step_size=eps / 4), torch.zeros(8, dtype=torch.int64)
    found = attack(model, x, labels, generator=generator)
    reached = ((x - found) @ w) / (eps * w.abs().sum())
    return float((reached - 1).abs().max())
