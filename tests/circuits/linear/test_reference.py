"""The solver in plain torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.circuits.conformance import STRONG, TYPICAL, SolverConformance, conductances, distance
from torch.utils._python_dispatch import TorchDispatchMode

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


@pytest.mark.parametrize("setting", ["autocast", "medium"])
def test_siemens_are_not_rounded_whatever_torch_may_do_to_products(setting: str) -> None:
    g, grad = conductances(3, 17, 16).float(), conductances(3, 17, 16, top=1.0, seed=1).float()
    wanted = reference.solve(g, TYPICAL), reference.adjoint(g, grad, TYPICAL)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if setting == "medium" else before)
    try:
        with torch.autocast("cpu", torch.bfloat16, enabled=setting == "autocast"):
            found = reference.solve(g, TYPICAL), reference.adjoint(g, grad, TYPICAL)
    finally:
        torch.set_float32_matmul_precision(before)
    if setting == "medium":  # in float64, then
        wanted = (
            reference.solve(g.double(), TYPICAL).float(),
            reference.adjoint(g.double(), grad.double(), TYPICAL).float(),
        )
    assert all(map(torch.equal, found, wanted))


def test_a_64x64_solve_is_a_few_hundred_operations() -> None:
    """A GPU waits for launches, not for arithmetic, where few arrays come."""
    g = conductances(1, 64, 64)
    reference.solve(g, TYPICAL)  # makes the index tensors

    class Count(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            view = func._schema.returns and func._schema.returns[0].alias_info is not None
            Count.calls += not view
            return func(*args, **(kwargs or {}))

    with Count():
        reference.merge_all(g, TYPICAL)
    assert Count.calls < 400
