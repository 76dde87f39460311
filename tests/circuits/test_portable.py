"""The solver in plain torch."""

from __future__ import annotations

import torch
from tests.circuits.conformance import TYPICAL, SolverConformance, conductances

from wordline.circuits import portable


class TestPortable(SolverConformance):
    solve, adjoint = staticmethod(portable.solve), staticmethod(portable.adjoint)


def test_adjoint_equals_unrolling() -> None:
    g = conductances(2, 5, 7).requires_grad_()
    weight = conductances(2, 5, 7, top=1.0, seed=3)
    (unrolled,) = torch.autograd.grad((portable.solve(g, TYPICAL) * weight).sum(), g)
    torch.testing.assert_close(portable.adjoint(g.detach(), weight, TYPICAL), unrolled, rtol=1e-12, atol=0.0)
