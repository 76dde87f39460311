"""Tiles of any scale against rational arithmetic, answers and gradients, and which solver each of
them gets.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.circuits.conformance import TYPICAL, conductances, distance, ohms, wired
from tests.oracles import exact, kirchhoff
from torch import Tensor

from wordline.circuits import Wires, effective_conductance
from wordline.circuits.linear import compiled, conditioning, reference, star_mesh
from wordline.circuits.linear.conditioning import DOUBLE, ORDINARY, POSITIVE

SOLVERS = {"compiled": compiled, "reference": reference}
DTYPES = {"f64": torch.float64, "f32": torch.float32}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS.keys())
every_dtype = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES.keys())
few = settings(max_examples=25, deadline=None)
ENDS, TINY = wired(1e3, 0.0, 0.0, 500.0), wired(1e3, 1e-9, 1e-9, 500.0)
Tile = tuple[tuple[tuple[float, ...], ...], tuple[float, float, float, float]]


def decades(span: float) -> st.SearchStrategy[float]:
    return st.floats(-span, span).map(lambda power: 10.0**power)


@st.composite
def tiles(draw: st.DrawFn, span: float) -> Tile:
    """Up to 3 x 3 devices and four resistances: all of one size, or each of its own; any resistance
    may be zero.
    """
    rows, cols, common = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(decades(span))
    entry = draw(
        st.sampled_from(
            [st.floats(0.1, 1).map(lambda x: common * x), decades(span), st.just(common)]
        )
    )
    g = tuple(tuple(draw(entry) for _ in range(cols)) for _ in range(rows))
    ohm = st.one_of(st.just(0.0), decades(span))
    return g, (draw(ohm), draw(ohm), draw(ohm), draw(ohm))


def held(tile: Tile, dtype: torch.dtype) -> Tile:
    """The same numbers as the type holds them."""
    g, four = tile
    rounded = torch.tensor(four, dtype=dtype).tolist()
    return tuple(map(tuple, torch.tensor(g, dtype=dtype).tolist())), tuple(rounded)


def errors(got: Tensor, want: list[list[Fraction]]) -> float:
    """Largest error relative to the largest entry, what the type cannot tell from zero forgiven."""
    finfo, top = torch.finfo(got.dtype), max(abs(y) for line in want for y in line)
    worst = 0.0
    for x, y in (
        (x, y)
        for line in zip(got[0].tolist(), want, strict=True)
        for x, y in zip(*line, strict=True)
    ):
        if x != x or abs(x) == float("inf"):
            return float("inf")
        if abs(Fraction(x) - y) > 4 * Fraction(finfo.smallest_normal * finfo.eps):
            worst = max(worst, float(abs(Fraction(x) - y) / top))
    return worst


def alternating(rows: int, cols: int) -> Tensor:
    return torch.tensor(
        [[(-1.0) ** (i + j) * (1 + i + 2 * j) for j in range(cols)] for i in range(rows)]
    )


def check(
    solver: ModuleType, tile: Tile, dtype: torch.dtype, tolerance: float, steep: float
) -> None:
    g, four = held(tile, dtype)
    matrix, weight = torch.tensor([g], dtype=dtype), alternating(len(g), len(g[0])).to(dtype)
    wires = wired(*four)
    assert errors(solver.solve(matrix, wires), exact.effective_conductance(g, *four)) < tolerance
    want = exact.gradient(g, weight.tolist(), *four)
    assert errors(solver.adjoint(matrix, weight[None], wires), want) < steep


@every_solver
@few
@given(tile=tiles(30))
def test_float64_over_sixty_decades(tile: Tile, solver: ModuleType) -> None:
    """Gradients lose in proportion to (G R)^2 before a tile is solved by positive sums."""
    check(solver, tile, torch.float64, 1e-12, 1e-8)


@every_solver
@few
@given(tile=tiles(15))
def test_float32_over_thirty_decades(tile: Tile, solver: ModuleType) -> None:
    check(solver, tile, torch.float32, 1e-4, 2e-2)


@few
@given(tiles(30))
def test_positive_sums_keep_the_digits_of_answers_and_gradients(tile: Tile) -> None:
    check(star_mesh, tile, torch.float64, 1e-14, 1e-10)


@every_solver
@every_dtype
@pytest.mark.parametrize(
    "zero", list(product((0, 1), repeat=4)), ids=lambda z: "".join(map(str, z))
)
def test_each_subset_of_resistances_with_devices_that_are_nearly_shorts(
    zero: tuple[int, ...], solver: ModuleType, dtype: torch.dtype
) -> None:
    wires = wired(*(ohm * there for ohm, there in zip((1e3, 5.0, 10.0, 500.0), zero, strict=True)))
    g = ((1e6, 2e6, 5e5), (3e6, 1e-6, 1e6))
    double = dtype == torch.float64
    check(solver, (g, ohms(wires)), dtype, 1e-13 if double else 1e-6, 1e-10 if double else 3e-5)


@every_solver
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1)], ids=str)
@pytest.mark.parametrize(
    "wires", [ENDS, TINY, wired(0.0, 1e20, 1e-20, 1e5)], ids=["ends", "tiny", "mixed"]
)
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_single_lines(
    shape: tuple[int, int], wires: Wires, scale: float, solver: ModuleType
) -> None:
    g = tuple(map(tuple, (conductances(*shape, top=scale) + scale / 10).tolist()))
    check(solver, (g, ohms(wires)), torch.float64, 1e-13, 1e-12)


@every_solver
@every_dtype
@pytest.mark.parametrize("wires", [ENDS, TINY], ids=["ends", "tiny"])
def test_open_devices_among_nearly_shorts(
    wires: Wires, solver: ModuleType, dtype: torch.dtype
) -> None:
    g = conductances(5, 6, top=1e4)
    g[2], g[:, 3], g[0, 0] = 0, 0, 0
    want = exact.effective_conductance(g.to(dtype).tolist(), *ohms(wires))
    got = solver.solve(g.to(dtype)[None], wires)
    assert errors(got, want) < (1e-13 if dtype == torch.float64 else 2e-7)
    assert (got[0, 2] == 0).all()
    assert (
        solver.adjoint(g.to(dtype)[None], torch.ones(1, 5, 6, dtype=dtype), wires).isfinite().all()
    )


def test_the_open_array_learns_freely_by_positive_sums() -> None:
    g, weight = torch.zeros(1, 3, 4, dtype=torch.float64), alternating(3, 4)[None].double()
    assert torch.equal(star_mesh.solve(g, TYPICAL), g)
    assert torch.equal(star_mesh.adjoint(g, weight, TYPICAL), weight)


@pytest.mark.parametrize(
    "wires", [TYPICAL, ENDS, wired(0.0, 5.0, 10.0, 0.0), Wires(row_ohm=5.0)], ids=str
)
def test_all_solvers_agree_on_ordinary_tiles(wires: Wires) -> None:
    g, weight = conductances(2, 9, 7), alternating(9, 7).double().expand(2, 9, 7)
    assert (
        distance(
            star_mesh.solve(g, wires), kirchhoff.effective_conductance(g.numpy(), *ohms(wires))
        )
        < 1e-13
    )
    gradients = [kirchhoff.gradient(g[k].numpy(), weight[k].numpy(), *ohms(wires)) for k in (0, 1)]
    got = star_mesh.adjoint(g, weight, wires)
    assert all(distance(got[k], gradients[k]) < 1e-12 for k in (0, 1))


# --- which tiles ----------------------------------------------------------------------------------


def mixed() -> Tensor:
    """Ordinary; nearly shorts; all devices equal; ordinary; one bit line like the other."""
    g = conductances(5, 12, 10, top=5e-5).float()
    g[1], g[2] = g[1] * 1e8, 5e-6
    g[4] = g[4, :, :1]
    return g


def test_what_is_solved_how() -> None:
    g = mixed()
    assert conditioning.methods(g, TYPICAL).tolist() == [ORDINARY, DOUBLE, DOUBLE, ORDINARY, DOUBLE]
    assert conditioning.methods(g, ENDS).tolist() == [ORDINARY, POSITIVE, DOUBLE, ORDINARY, DOUBLE]
    assert conditioning.methods(g.double(), ENDS).tolist() == [
        ORDINARY,
        POSITIVE,
        ORDINARY,
        ORDINARY,
        ORDINARY,
    ]
    assert conditioning.methods(g[[0, 3]], TYPICAL) is None
    assert conditioning.methods(torch.zeros(2, 3, 3, dtype=torch.float64), ENDS) is None


@every_dtype
@pytest.mark.parametrize("wires", [TYPICAL, ENDS], ids=["typical", "ends"])
def test_bits_are_those_of_the_tile_alone_whatever_stands_beside_it(
    wires: Wires, dtype: torch.dtype
) -> None:
    g = mixed().to(dtype).requires_grad_()
    w = effective_conductance(g, wires)
    (grad,) = torch.autograd.grad((w * w.detach()).sum(), g)
    for k in range(len(g)):
        alone = effective_conductance(g[k], wires)
        assert torch.equal(alone, w[k])
        assert torch.equal(torch.autograd.grad((alone * alone.detach()).sum(), g)[0][k], grad[k])
    if wires == TYPICAL:
        tiles, four = g.double().detach().numpy(), ohms(TYPICAL)
        want = np.stack([kirchhoff.effective_conductance(x, *four) for x in tiles])
        assert distance(w.detach(), want) < 3e-6


@every_dtype
def test_the_two_sides_of_a_border_between_solvers_agree(dtype: torch.dtype) -> None:
    """W hardly changes where another solver takes over."""
    g, n = conductances(12, 12, top=1.0).to(dtype), 12
    border = conditioning._MAX_Q[dtype] / (n * 1e3)
    tops = [border * step * (1 + 1e-6) / float(g.max()) for step in (0.999, 1.001)]
    pair = torch.stack([g * top for top in tops])
    kind = conditioning.methods(pair, ENDS)
    assert kind is not None and kind[0] == ORDINARY and kind[1] != ORDINARY
    low, high = compiled.solve(pair, ENDS)
    assert (
        distance((high - low)[None].abs() + low, low.double().numpy()) < 3e-3
    )  # the devices differ by 2e-3


def test_the_same_units_up_to_a_power_of_two_are_the_same_bits() -> None:
    g = conductances(2, 6, 5, top=1e4)
    scaled = wired(*(ohm * 2.0**-20 for ohm in ohms(ENDS)))
    assert torch.equal(star_mesh.solve(g * 2.0**20, scaled), star_mesh.solve(g, ENDS) * 2.0**20)
    weight = conductances(2, 6, 5, top=1.0, seed=1)
    assert torch.equal(
        star_mesh.adjoint(g * 2.0**20, weight, scaled), star_mesh.adjoint(g, weight, ENDS)
    )
