"""The solver in plain torch."""

from __future__ import annotations

import pytest
import torch
from tests.circuits.conformance import STRONG, TYPICAL, SolverConformance, conductances, distance

from wordline.circuits.linear import reference


class TestReference(SolverConformance):
    solve, adjoint = staticmethod(reference.solve), staticmethod(reference.adjoint)


def test_adjoint_equals_unrolling() -> None:
    g = conductances(2, 5, 7).requires_grad_()
    weight = conductances(2, 5, 7, top=1.0, seed=3)
    (unrolled,) = torch.autograd.grad((reference.solve(g, TYPICAL) * weight).sum(), g)
    torch.testing.assert_close(
        reference.adjoint(g.detach(), weight, TYPICAL), unrolled, rtol=1e-12, atol=0.0
    )


@pytest.mark.parametrize("shape", [(3, 3), (13, 13), (24, 17)], ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 1e-6)], ids=["f64", "f32"]
)
def test_what_else_is_in_the_batch_changes_last_bits_at_most(
    shape: tuple[int, int], dtype: torch.dtype, tolerance: float
) -> None:
    g, weight = (
        conductances(9, *shape).to(dtype),
        (conductances(9, *shape, top=1.0, seed=3) - 0.5).to(dtype),
    )
    w, grad = reference.solve(g, STRONG), reference.adjoint(g, weight, STRONG)
    for start, stop in ((0, 1), (3, 7), (8, 9)):
        some, bar = g[start:stop], weight[start:stop]
        assert distance(reference.solve(some, STRONG), w[start:stop].double().numpy()) < tolerance
        assert (
            distance(reference.adjoint(some, bar, STRONG), grad[start:stop].double().numpy())
            < 4 * tolerance
        )
