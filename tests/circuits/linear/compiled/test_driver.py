"""The compiled solver: conformance, equality with the reference, and bits that depend on the tile
alone.
"""

from __future__ import annotations

import pytest
import torch
from tests.circuits.conformance import (
    STRONG,
    TYPICAL,
    WIRES,
    SolverConformance,
    conductances,
    distance,
)

from wordline.circuits import Wires
from wordline.circuits.linear import compiled, reference
from wordline.circuits.linear.compiled import driver
from wordline.circuits.linear.compiled.schedule import schedule
from wordline.kernels.buffer_pool import BufferPool
from wordline.kernels.registers import VECTOR_BYTES


class TestCompiled(SolverConformance):
    solve, adjoint = staticmethod(compiled.solve), staticmethod(compiled.adjoint)


@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (12, 20), (33, 17)], ids=str)
@pytest.mark.parametrize(
    "wires", [TYPICAL, STRONG, WIRES["ends only"]], ids=["typical", "strong", "ends only"]
)
def test_equals_the_reference(shape: tuple[int, int], wires: Wires) -> None:
    g = conductances(3, *shape)
    weight = conductances(3, *shape, top=1.0, seed=5) - 0.5
    assert distance(compiled.solve(g, wires), reference.solve(g, wires).numpy()) < 1e-13
    assert (
        distance(compiled.adjoint(g, weight, wires), reference.adjoint(g, weight, wires).numpy())
        < 1e-12
    )


BOTH = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])


@BOTH
def test_bits_do_not_depend_on_the_number_of_threads(dtype: torch.dtype) -> None:
    g = conductances(100, 10, 12).to(dtype)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            w, saved = compiled.solve_and_save(g, TYPICAL)
            results.append(
                (w, compiled.adjoint(g, g, TYPICAL), compiled.adjoint(g, g, TYPICAL, saved))
            )
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(results[0], other, strict=True))


@BOTH
@pytest.mark.parametrize("shape", [(3, 2), (12, 9), (17, 20)], ids=str)
def test_a_tile_has_the_same_bits_alone_and_at_any_place_of_a_batch(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    g = conductances(37, *shape).to(dtype)
    weight = (conductances(37, *shape, top=1.0, seed=3) - 0.5).to(dtype)
    w, grad = compiled.solve(g, STRONG), compiled.adjoint(g, weight, STRONG)
    for start, stop in ((0, 1), (5, 6), (36, 37), (3, 20), (1, 37)):
        assert torch.equal(compiled.solve(g[start:stop], STRONG), w[start:stop])
        assert torch.equal(
            compiled.adjoint(g[start:stop], weight[start:stop], STRONG), grad[start:stop]
        )


@BOTH
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 3), (8, 8), (13, 30), (33, 17)], ids=str)
@pytest.mark.parametrize("room", [0, 2, 100], ids=["nothing saved", "something saved", "all saved"])
def test_saved_factors_change_no_bit(
    shape: tuple[int, int], room: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = conductances(41, *shape).to(dtype)
    weight = (conductances(41, *shape, top=1.0, seed=3) - 0.5).to(dtype)
    unit = schedule(*shape, "save").saved * VECTOR_BYTES
    monkeypatch.setattr(driver, "SAVED", BufferPool(room * unit))
    w, saved = compiled.solve_and_save(g, STRONG)
    groups = -(-41 * g.element_size() // VECTOR_BYTES)
    assert saved.numel() * saved.element_size() == min(room, groups) * unit
    assert torch.equal(w, compiled.solve(g, STRONG))
    assert torch.equal(
        compiled.adjoint(g, weight, STRONG, saved), compiled.adjoint(g, weight, STRONG)
    )


def test_non_contiguous_tiles() -> None:
    g = conductances(4, 6, 9)
    strided = torch.stack([g, -g], -1)[..., 0]
    assert not strided.is_contiguous()
    assert torch.equal(compiled.solve(strided, TYPICAL), compiled.solve(g, TYPICAL))


@pytest.mark.slow
def test_float32_at_128_with_strong_parasitics() -> None:
    for top, wires, tolerance in (
        (5e-5, TYPICAL, 3e-6),
        (1e-2, STRONG, 1e-6),
        (1e-2, TYPICAL, 6e-6),
    ):
        g = conductances(16, 128, 128, top=top).float()
        assert (
            distance(compiled.solve(g, wires), compiled.solve(g.double(), wires).numpy())
            < tolerance
        )


@BOTH
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (4, 4), (8, 8), (12, 20), (33, 17)], ids=str)
def test_few_tiles_have_the_same_bits_one_by_one(
    shape: tuple[int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    g, solved = conductances(5, *shape).to(dtype), []
    for alone in (True, False):
        monkeypatch.setattr(driver, "_is_quicker_alone", lambda g, alone=alone: alone)
        solved.append(compiled.solve(g, STRONG))
    assert torch.equal(*solved)


def test_a_few_large_tiles_are_solved_one_by_one() -> None:
    large, small = torch.zeros(4, 64, 64), torch.zeros(4, 16, 16)
    assert driver._is_quicker_alone(large) and not driver._is_quicker_alone(small)
    assert not driver._is_quicker_alone(torch.zeros(40, 64, 64))
