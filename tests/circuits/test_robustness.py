"""Arrays at the edge: strong parasitics at full size, every subset of wires, bad input; laws of the
reference.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.circuits.conformance import TYPICAL, conductances, distance, ohms, wired
from tests.oracles import kirchhoff, sparse
from torch import Tensor

from wordline.circuits import Wires, effective, effective_conductance
from wordline.circuits.linear import compiled, reference

SOLVERS = {"compiled": compiled, "reference": reference}
DTYPES = {"f64": torch.float64, "f32": torch.float32}
HEAVY = wired(1e3, 100.0, 100.0, 1e3)
TOP_S = 1e-2  # a device of 100 ohm
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS.keys())
every_dtype = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES.keys())
few = settings(max_examples=20)


def single(*shape: int, top: float = TOP_S, seed: int = 0) -> Tensor:
    """Conductances that float32 holds, in float64: one oracle serves both types."""
    return conductances(*shape, top=top, seed=seed).float().double()


def signs(*shape: int) -> Tensor:
    """What a loss might weigh the entries of W by."""
    return (
        torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        .float()
        .double()
    )


# --- strong parasitics and large arrays -----------------------------------------------------------


def large_tiles() -> dict[str, Tensor]:
    """Devices of up to 1e-2 S."""
    spotted = single(34, 21, seed=1)
    spotted[[0, 20, 33]], spotted[:, [0, 7, 8, 20]] = 0, 0
    board = single(21, 34)
    board[::2, ::2], board[1::2, 1::2] = 0, 0
    return {
        "128 x 128": single(128, 128),
        "all on": single(64, 64).fill_(TOP_S),
        "all off": single(64, 64).fill_(5e-6),
        "open rows and columns": spotted,
        "every other device open": board,
        "one word line": single(1, 200),
        "one bit line": single(200, 1),
        "three word lines": single(3, 130),
        "three bit lines": single(130, 3),
    }


@cache
def large_answer(name: str, wires: Wires) -> np.ndarray:
    return sparse.effective_conductance(large_tiles()[name].numpy(), *ohms(wires))


@cache
def large_gradient(name: str, wires: Wires) -> np.ndarray:
    g = large_tiles()[name]
    return sparse.gradient(g.numpy(), signs(*g.shape).numpy(), *ohms(wires))


@every_dtype
@every_solver
@pytest.mark.parametrize("wires", [TYPICAL, HEAVY], ids=["typical", "heavy"])
@pytest.mark.parametrize("name", large_tiles())
def test_strong_parasitics(name: str, wires: Wires, solver: ModuleType, dtype: torch.dtype) -> None:
    double, equal = dtype == torch.float64, name in ("all on", "all off")
    g = large_tiles()[name][None].to(dtype)
    assert distance(solver.solve(g, wires), large_answer(name, wires)[None]) < (
        1e-12 if double else 2e-5 if equal else 3e-6
    )
    if g.numel() < 128 * 128:  # whose oracle would take longer than all other tests
        got = solver.adjoint(g, signs(*g.shape).to(dtype), wires)
        assert distance(got, large_gradient(name, wires)[None]) < (1e-11 if double else 1e-5)


@pytest.mark.parametrize("name", ["all on", "all off"])
def test_float32_of_equal_devices(name: str) -> None:
    got = compiled.solve(large_tiles()[name][None].float(), TYPICAL)
    assert distance(got, large_answer(name, TYPICAL)[None]) < 3e-6


def test_the_large_oracle_is_the_dense_one() -> None:
    g = single(7, 9).numpy()
    g[2], g[:, 3] = 0, 0
    weight = signs(7, 9).numpy()
    for wires in (HEAVY, Wires(col_ohm=30.0), Wires(driver_ohm=1e3, row_ohm=5.0), Wires()):
        for one, want in (
            (
                sparse.effective_conductance(g, *ohms(wires)),
                kirchhoff.effective_conductance(g, *ohms(wires)),
            ),
            (sparse.gradient(g, weight, *ohms(wires)), kirchhoff.gradient(g, weight, *ohms(wires))),
        ):
            np.testing.assert_allclose(one, want, rtol=0, atol=1e-13 * np.abs(want).max())


@every_dtype
@every_solver
@pytest.mark.parametrize(
    "zero", list(product((0, 1), repeat=4)), ids=lambda z: "".join(map(str, z))
)
def test_each_subset_of_the_resistances_may_be_zero(
    zero: tuple[int, ...], solver: ModuleType, dtype: torch.dtype
) -> None:
    g = single(6, 5)
    g[2], g[:, 3] = 0, 0
    wires = wired(
        *(ohm * there for ohm, there in zip((50.0, 100.0, 70.0, 20.0), zero, strict=True))
    )
    w = kirchhoff.effective_conductance(g.numpy(), *ohms(wires))
    gradient = kirchhoff.gradient(g.numpy(), signs(6, 5).numpy(), *ohms(wires))
    double = dtype == torch.float64
    got = solver.solve(g[None].to(dtype), wires)
    assert distance(got, w[None]) < (1e-12 if double else 3e-6)
    assert (got[0, 2] == 0).all()
    assert (got[0, :, 3] == 0).all()
    got = solver.adjoint(g[None].to(dtype), signs(1, 6, 5).to(dtype), wires)
    assert distance(got, gradient[None]) < (1e-12 if double else 1e-5)


@every_dtype
@every_solver
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (12, 17)], ids=str)
def test_an_open_array_carries_nothing_and_learns_freely(
    shape: tuple[int, int], solver: ModuleType, dtype: torch.dtype
) -> None:
    g, weight = torch.zeros(1, *shape, dtype=dtype), signs(1, *shape).to(dtype)
    assert torch.equal(solver.solve(g, HEAVY), g)
    assert torch.equal(
        solver.adjoint(g, weight, HEAVY), weight
    )  # each device has the whole of its volt


# --- laws of every array, on both paths -----------------------------------------------------------

RESISTANCES = st.one_of(st.just(0.0), st.floats(1e-3, 1e4))
WIRES = st.builds(wired, RESISTANCES, RESISTANCES, RESISTANCES, RESISTANCES)


@st.composite
def arrays(draw: st.DrawFn) -> Tensor:
    """One array of up to 9 x 9 cells of up to 1e-2 S, some of them open."""
    rows, cols, seed = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(0, 2**31))
    g = conductances(rows, cols, top=draw(st.sampled_from([5e-5, 1e-3, TOP_S])), seed=seed)
    return g * (
        conductances(rows, cols, top=1.0, seed=seed + 1) >= draw(st.sampled_from([0.0, 0.5, 0.9]))
    )


@few
@given(arrays(), WIRES)
def test_reciprocity_by_the_reference(g: Tensor, wires: Wires) -> None:
    """Turned by a half and transposed, driver and sense, row and column exchanged: one array."""
    turned = wired(wires.sense_ohm, wires.col_ohm, wires.row_ohm, wires.driver_ohm)
    one, other = reference.solve(g[None], wires), reference.solve(g.flip(0, 1).mT[None], turned)
    assert distance(other, one.flip(1, 2).mT.numpy()) < 1e-11


@few
@given(arrays(), WIRES, st.integers(0, 2**31))
def test_superposition_by_the_reference(g: Tensor, wires: Wires, seed: int) -> None:
    v = np.random.default_rng(seed).standard_normal(g.shape[0])
    answer = kirchhoff.solve(g.numpy(), *ohms(wires))
    want = (g.numpy() * np.einsum("i,iab->ab", v, answer.from_inputs)).sum(0)
    got = v @ reference.solve(g[None], wires)[0].numpy()
    np.testing.assert_allclose(
        got, want, rtol=0, atol=1e-10 * (np.abs(v) @ answer.w).max() + 1e-300
    )


@every_dtype
@every_solver
@few
@given(g=arrays(), wires=WIRES)
def test_passivity(g: Tensor, wires: Wires, solver: ModuleType, dtype: torch.dtype) -> None:
    """No entry is negative, and no line carries more than its end lets through and all its devices
    together.
    """
    w = solver.solve(g[None].to(dtype), wires)[0].double()
    slack = 1e-12 if dtype == torch.float64 else 1e-4
    assert (w >= -slack * w.max()).all()
    for axis, end in ((1, wires.driver_ohm), (0, wires.sense_ohm)):
        total = g.sum(axis)
        assert (w.sum(axis) <= (1 + slack) * total / (1 + end * total)).all()


@every_solver
@few
@given(g=arrays(), wires=WIRES, power=st.integers(-40, 40))
def test_siemens_and_ohms_scale_against_each_other(
    g: Tensor, wires: Wires, power: int, solver: ModuleType
) -> None:
    """W(t G, R / t) = t W(G, R)."""
    t = 2.0**power
    scaled = wired(*(ohm / t for ohm in ohms(wires)))
    assert (
        distance(solver.solve(t * g[None], scaled) / t, solver.solve(g[None], wires).numpy())
        < 1e-12
    )


@every_dtype
@settings(max_examples=8)
@given(tiles=st.integers(2, 20), rows=st.integers(1, 5), cols=st.integers(1, 5), data=st.data())
def test_a_tile_does_not_feel_its_batch_by_the_reference(
    tiles: int, rows: int, cols: int, data: st.DataObject, dtype: torch.dtype
) -> None:
    """Up to rounding: the last bit of a matrix product in torch may depend on where in memory a
    matrix stands.
    """
    g = conductances(tiles, rows, cols, seed=tiles).to(dtype)
    order = torch.tensor(data.draw(st.permutations(range(tiles))))
    one = data.draw(st.integers(0, tiles - 1))
    few_ulps = 100 * torch.finfo(dtype).eps
    for run in (lambda g: reference.solve(g, TYPICAL), lambda g: reference.adjoint(g, g, TYPICAL)):
        together = run(g).double().numpy()
        assert distance(run(g[order]), together[order]) < few_ulps
        assert distance(run(g[one][None]), together[one][None]) < few_ulps


def test_the_public_function_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    g = conductances(2, 3, 2, top=1.0).requires_grad_()
    (want,) = torch.autograd.grad(effective_conductance(1e-2 * g, HEAVY).square().sum(), g)
    nothing = torch.empty(0)
    elsewhere = SimpleNamespace(
        solve=reference.solve,
        solve_and_save=lambda g, wires: (reference.solve(g, wires), nothing),
        adjoint=lambda g, grad, wires, saved: reference.adjoint(g, grad, wires),
    )
    monkeypatch.setattr(effective, "compiled", elsewhere)
    (got,) = torch.autograd.grad(effective_conductance(1e-2 * g, HEAVY).square().sum(), g)
    assert distance(got, want.numpy()) < 1e-12
    assert torch.autograd.gradcheck(lambda x: 1e2 * effective_conductance(1e-2 * x, HEAVY), g)


# --- what is refused ------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (float("nan"), "`g` must be finite, got nan"),
        (float("inf"), "`g` must be finite, got inf"),
        (-float("inf"), "`g` must not be negative, got -inf"),
        (-1e-30, "`g` must not be negative, got -1e-30"),
    ],
)
def test_one_bad_device_among_many_is_refused(bad: float, match: str, dtype: torch.dtype) -> None:
    g = conductances(50, 8, 8).to(dtype)
    g[37, 3, 5] = bad
    with pytest.raises(ValueError, match=match):
        effective_conductance(g, HEAVY)


@pytest.mark.parametrize("name", ["driver_ohm", "row_ohm", "col_ohm", "sense_ohm"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_bad_resistances_are_refused(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Wires(**{name: bad})
