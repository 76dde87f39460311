"""The compiled solver: conformance, equality with the portable one, and bits that depend on the tile alone."""

from __future__ import annotations

import pytest
import torch
from tests.circuits.conformance import STRONG, TYPICAL, WIRES, SolverConformance, conductances, distance

from wordline.circuits import Wires, compiled, portable


class TestCompiled(SolverConformance):
    solve, adjoint = staticmethod(compiled.solve), staticmethod(compiled.adjoint)


@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (12, 20), (33, 17)], ids=str)
@pytest.mark.parametrize("wires", [TYPICAL, STRONG, WIRES["ends only"]], ids=["typical", "strong", "ends only"])
def test_equals_the_portable_solver(shape: tuple[int, int], wires: Wires) -> None:
    g = conductances(3, *shape)
    weight = conductances(3, *shape, top=1.0, seed=5) - 0.5
    assert distance(compiled.solve(g, wires), portable.solve(g, wires).numpy()) < 1e-13
    assert distance(compiled.adjoint(g, weight, wires), portable.adjoint(g, weight, wires).numpy()) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
def test_bits_do_not_depend_on_the_number_of_threads(dtype: torch.dtype) -> None:
    g = conductances(100, 10, 12).to(dtype)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append((compiled.solve(g, TYPICAL), compiled.adjoint(g, g, TYPICAL)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_non_contiguous_tiles() -> None:
    g = conductances(4, 6, 9)
    strided = torch.stack([g, -g], -1)[..., 0]
    assert not strided.is_contiguous()
    assert torch.equal(compiled.solve(strided, TYPICAL), compiled.solve(g, TYPICAL))


@pytest.mark.slow
def test_float32_at_128_with_strong_parasitics() -> None:
    for top, wires in ((5e-5, TYPICAL), (1e-2, STRONG), (1e-2, TYPICAL)):
        g = conductances(16, 128, 128, top=top).float()
        assert distance(compiled.solve(g, wires), compiled.solve(g.double(), wires).numpy()) < 6e-6
