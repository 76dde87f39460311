"""The solver off the CPU: against the dense oracle, the compiled one, and the adjoint formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.circuits.conformance import (
    STRONG,
    TYPICAL,
    WIRES,
    SolverConformance,
    conductances,
    distance,
    ohms,
    special_tiles,
)
from tests.cuda import stand_in
from tests.oracles import kirchhoff
from torch import Tensor

import wordline as wl
from wordline.circuits import Wires, effective_conductance
from wordline.circuits.linear import reference
from wordline.circuits.nonlinear import SinhDevice, solve_nonlinear

TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6}
both_types = pytest.mark.parametrize("dtype", TOLERANCE, ids=["f64", "f32"])


class TestConformance(SolverConformance):
    """All that every solver must satisfy; tensors come back to the CPU to be judged there."""

    @pytest.fixture(autouse=True)
    def _on(self, device: torch.device) -> None:
        self.device = device

    def solve(self, g: Tensor, wires: Wires) -> Tensor:
        w = effective_conductance(g.to(self.device), wires)
        assert w.device == self.device
        return w.cpu()

    def adjoint(self, g: Tensor, grad: Tensor, wires: Wires) -> Tensor:
        there = g.to(self.device).requires_grad_()
        w = effective_conductance(there, wires)
        (found,) = torch.autograd.grad(w, there, grad.to(self.device))
        assert found.device == self.device
        return found.cpu()


@both_types
@pytest.mark.parametrize("shape", [(16, 16), (24, 17), (32, 32)], ids=str)
def test_it_agrees_with_the_compiled_solver(
    device: torch.device, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    g = conductances(5, *shape).to(dtype)
    weight = conductances(5, *shape, top=1.0, seed=1).to(dtype)
    here, there = g.clone().requires_grad_(), g.to(device).requires_grad_()
    w, found = effective_conductance(here, STRONG), effective_conductance(there, STRONG)
    (grad,) = torch.autograd.grad((w * weight).sum(), here)
    (other,) = torch.autograd.grad((found * weight.to(device)).sum(), there)
    assert distance(found.detach().cpu(), w.detach().double().numpy()) < TOLERANCE[dtype]
    assert distance(other.cpu(), grad.double().numpy()) < 10 * TOLERANCE[dtype]


def test_nobody_waits_within_a_solve(device: torch.device) -> None:
    """The host runs ahead of the device from the first merge of a batch to its last."""
    g, grad = conductances(3, 24, 17).to(device), conductances(3, 24, 17, seed=1).to(device)
    reference.solve(g, TYPICAL)  # index tables are made once for a shape and device
    reference.adjoint(g, grad, TYPICAL)
    if device.type == "cuda":
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            reference.merge_all(g, TYPICAL), reference.merge_all_adjoint(g, grad, TYPICAL)
        finally:
            torch.cuda.set_sync_debug_mode(before)
    else:
        stand_in.waits.clear()
        reference.merge_all(g, TYPICAL), reference.merge_all_adjoint(g, grad, TYPICAL)
        assert stand_in.waits == []


def test_tiles_that_need_positive_sums_or_float64_get_them(device: torch.device) -> None:
    g = conductances(3, 9, 7).float()
    g[1], g[2] = 1e-4, 1e9 * g[2]  # equal lines; nearly shorts
    want = kirchhoff.effective_conductance(g[:2].double().numpy(), *ohms(TYPICAL))
    found = effective_conductance(g.to(device), TYPICAL).cpu()
    assert distance(found[:2], want) < 1e-6
    torch.testing.assert_close(found, effective_conductance(g, TYPICAL), rtol=1e-4, atol=0)


def test_neither_autocast_nor_tf32_rounds_siemens(device: torch.device) -> None:
    g, weight = conductances(2, 16, 16).float(), conductances(2, 16, 16, top=1.0, seed=1).float()
    want = kirchhoff.effective_conductance(g.double().numpy(), *ohms(TYPICAL))
    there = g.to(device).requires_grad_()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast(device.type, torch.bfloat16):
            w = effective_conductance(there, TYPICAL)
            (grad,) = torch.autograd.grad((w * weight.to(device)).sum(), there)
    finally:
        torch.set_float32_matmul_precision(before)
    assert distance(w.detach().cpu(), want) < 3e-6
    w = effective_conductance(there, TYPICAL)
    (plain,) = torch.autograd.grad((w * weight.to(device)).sum(), there)
    assert distance(grad.cpu(), plain.cpu().double().numpy()) < 3e-5


def test_derivatives_of_every_kind(device: torch.device) -> None:
    g, change = conductances(2, 6, 5).to(device), conductances(2, 6, 5, seed=4).to(device)
    solve = lambda x: effective_conductance(x, TYPICAL)  # noqa: E731
    w, tangent = torch.func.jvp(solve, (g,), (change,))
    numeric = (solve(g + 1e-3 * change) - solve(g - 1e-3 * change)) / 2e-3
    assert w.device == tangent.device == device
    assert distance(tangent.cpu(), numeric.cpu().numpy()) < 1e-5
    assert distance(torch.func.vmap(solve)(g).cpu(), w.cpu().numpy()) < 1e-14
    (wanted,) = torch.autograd.grad(solve(x := g.clone().requires_grad_()).sum(), x)
    found = torch.func.grad(lambda x: solve(x).sum())(g)
    assert distance(found.cpu(), wanted.cpu().numpy()) < 1e-13


@pytest.mark.parametrize("wires", [TYPICAL, WIRES["no driver"], WIRES["none"]], ids=str)
@both_types
def test_curved_devices(device: torch.device, wires: Wires, dtype: torch.dtype) -> None:
    g, volts = conductances(9, 7).to(dtype), conductances(4, 9, top=0.3, seed=1).to(dtype)
    here = [volts.clone().requires_grad_(), g.clone().requires_grad_()]
    there = [x.detach().to(device).requires_grad_() for x in here]
    law = SinhDevice(b=4.0)
    i, j = solve_nonlinear(*here, wires, law), solve_nonlinear(*there, wires, law)
    assert j.device == device
    assert distance(j.detach().cpu(), i.detach().double().numpy()) < 10 * TOLERANCE[dtype]
    wanted, found = (torch.autograd.grad(x.sum(), of) for x, of in ((i, here), (j, there)))
    for a, b in zip(found, wanted, strict=True):
        assert distance(a.cpu(), b.double().numpy()) < 100 * TOLERANCE[dtype]


def test_special_tiles_together(device: torch.device) -> None:
    g = torch.stack(list(special_tiles().values()))
    want = kirchhoff.effective_conductance(g.numpy(), *ohms(STRONG))
    assert distance(effective_conductance(g.to(device), STRONG).cpu(), np.asarray(want)) < 1e-12
    assert wl.effective_conductance is effective_conductance
