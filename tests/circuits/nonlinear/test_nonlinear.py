"""Nonlinear arrays: closed forms, a node-by-node oracle, golden ngspice vectors, gradients,
reports, errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from tests.circuits.conformance import wired
from tests.oracles.nonlinear import column_currents
from torch import Tensor

from wordline.circuits import (
    AbstractDeviceLaw,
    Ohmic,
    SinhDevice,
    Wires,
    effective_conductance,
    nonlinear_operating_point,
    solve_nonlinear,
)
from wordline.circuits.nonlinear import adjoint, linear_system, wires_compiled, wires_torch

GOLDEN = sorted((Path(__file__).parents[2] / "oracles" / "ngspice").glob("*.json"))
RETHINKING = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
WIRES = [
    RETHINKING,
    Wires(),
    Wires(driver_ohm=1e3),
    Wires(row_ohm=50.0),
    Wires(col_ohm=50.0),
    Wires(sense_ohm=2e3),
    Wires(row_ohm=2.5, col_ohm=2.5),
    Wires(driver_ohm=1e4, row_ohm=1e3, col_ohm=1e3, sense_ohm=1e4),
]
SHAPES = [(1, 1), (1, 5), (6, 1), (3, 7), (8, 5)]


@dataclass(frozen=True)
class CubicDevice(AbstractDeviceLaw):
    """A user's law, with nothing but a current."""

    k: float

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        return g * (v + self.k * v**3)


@dataclass(frozen=True)
class Selector(AbstractDeviceLaw):
    """Closed up to a threshold, with a kink there: Newton's method has no slope to start from."""

    threshold: float

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        return g * torch.sign(v) * torch.relu(v.abs() - self.threshold)


@dataclass(frozen=True)
class Saturating(AbstractDeviceLaw):
    """A channel whose current levels off, and whose slope goes to zero with it."""

    volt: float

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        return g * self.volt * torch.tanh(v / self.volt)


def draw(rng: torch.Generator, *shape: int, low: float = 5e-6, high: float = 5e-5) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=rng, dtype=torch.float64)


def volts(rng: torch.Generator, *shape: int, most: float = 0.5) -> Tensor:
    return most * (2 * torch.rand(*shape, generator=rng, dtype=torch.float64) - 1)


def oracle(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> Tensor:
    def numpy_of(method):  # type: ignore[no-untyped-def]
        return lambda u, g: method(torch.from_numpy(u), torch.from_numpy(g)).numpy()

    ohms = (wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm)
    rows = [
        column_currents(x.numpy(), g.numpy(), ohms, numpy_of(law.current), numpy_of(law.slope))
        for x in v
    ]
    return torch.from_numpy(np.stack(rows))


def assert_close(found: Tensor, wanted: Tensor, rtol: float) -> None:
    assert found.shape == wanted.shape
    error = (found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-300)
    assert error <= rtol, f"relative error {error:.1e}"


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("b", [4.0, 40.0, 400.0])
@pytest.mark.parametrize("v", [1e-3, 0.5, -1.0])
def test_one_device_is_a_scalar_equation(b: float, v: float) -> None:
    g, wires = 1e-4, Wires(driver_ohm=700, row_ohm=5, col_ohm=9, sense_ohm=300)
    u = brentq(
        lambda u: u + 1e3 * g * np.sinh(b * u) / b - v,
        min(v, 0),
        max(v, 0),
        xtol=1e-300,
        rtol=1e-15,
    )
    found = solve_nonlinear(_t([[v]]), _t([[g]]), wires, SinhDevice(b=b))
    assert found.item() == pytest.approx((v - u) / 1e3, rel=1e-10)


def test_ideal_wires_add_up_device_currents(rng: torch.Generator) -> None:
    v, g, law = volts(rng, 4, 6), draw(rng, 6, 3), SinhDevice(b=4.0)
    assert_close(solve_nonlinear(v, g, Wires(), law), law.current(v[:, :, None], g).sum(1), 1e-15)


@pytest.mark.parametrize(
    "law", [Ohmic(), SinhDevice(b=0.0), SinhDevice(b=1e-6), SinhDevice(b=1e-300)], ids=str
)
@pytest.mark.parametrize("wires", WIRES, ids=str)
def test_weakly_curved_devices_make_the_linear_array(
    rng: torch.Generator, wires: Wires, law: AbstractDeviceLaw
) -> None:
    v, g = volts(rng, 3, 9), draw(rng, 9, 6)
    assert_close(solve_nonlinear(v, g, wires, law), v @ effective_conductance(g, wires), 1e-11)


def test_superposition_holds_for_resistors_only(rng: torch.Generator) -> None:
    v, g = volts(rng, 2, 8), draw(rng, 8, 8)
    together = torch.stack([v[0], v[1], v[0] + v[1]])
    for law, holds in ((Ohmic(), True), (SinhDevice(b=4.0), False)):
        a, b, both = solve_nonlinear(together, g, RETHINKING, law)
        assert ((a + b - both).abs().max() < 1e-10 * both.abs().max()) == holds


def test_reversed_voltages_reverse_currents(rng: torch.Generator) -> None:
    v, g = volts(rng, 3, 7), draw(rng, 7, 4)
    law = SinhDevice(b=10.0)
    assert_close(
        solve_nonlinear(-v, g, RETHINKING, law), -solve_nonlinear(v, g, RETHINKING, law), 1e-13
    )


# --- independent answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "law",
    [SinhDevice(b=4.0), SinhDevice(b=40.0), CubicDevice(k=20.0), Selector(0.05), Saturating(0.05)],
    ids=str,
)
@pytest.mark.parametrize("wires", WIRES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kirchhoff_node_by_node(
    rng: torch.Generator, shape: tuple[int, int], wires: Wires, law: AbstractDeviceLaw
) -> None:
    g = draw(rng, *shape) * (torch.rand(shape, generator=rng) > 0.2)
    v = volts(rng, 2, shape[0])
    point = nonlinear_operating_point(v, g, wires, law)
    assert point.converged.all()
    assert_close(point.currents, oracle(v, g, wires, law), 1e-8)
    assert_close(law.current(point.device_volts, g).sum(-2), point.currents, 1e-12)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_ngspice_golden_vectors(path: Path) -> None:
    case = json.loads(path.read_text())
    wires, law = Wires(**case["wires"]), SinhDevice(b=case["b"])
    v, g, wanted = _t([case["volts"]]), _t(case["g"]), _t([case["currents"]])
    assert_close(solve_nonlinear(v, g, wires, law), wanted, 1e-9)
    if case["b"] == 0:
        assert_close(v @ effective_conductance(g, wires), wanted, 1e-9)


def test_there_are_golden_vectors() -> None:
    assert len(GOLDEN) >= 10
    assert all(path.with_suffix(".cir").is_file() for path in GOLDEN)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_law_any_wires(data: st.DataObject) -> None:
    ohm = st.one_of(st.just(0.0), st.floats(0.1, 1e4))
    wires = wired(*(data.draw(ohm) for _ in range(4)))
    rows, cols = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    law = data.draw(
        st.sampled_from(
            [CubicDevice(k=data.draw(st.floats(0, 1e3))), SinhDevice(b=data.draw(st.floats(0, 20)))]
        )
    )
    rng = torch.Generator().manual_seed(data.draw(st.integers(0, 2**31)))
    g = (
        draw(rng, rows, cols)
        * 10 ** data.draw(st.floats(-3, 2))
        * (torch.rand(rows, cols, generator=rng) > 0.2)
    )
    v = volts(rng, 2, rows)
    point = nonlinear_operating_point(v, g, wires, law)
    assert point.converged.all()
    assert_close(point.currents, oracle(v, g, wires, law), 1e-8)


# --- robustness -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("g", "wires", "b", "most"),
    [
        (1e-2, Wires(row_ohm=5, col_ohm=10), 4.0, 0.5),
        (1e-2, RETHINKING, 40.0, 0.5),
        (1.0, Wires(driver_ohm=1e3, row_ohm=50, col_ohm=50, sense_ohm=1e3), 4.0, 0.5),
        (5e-5, RETHINKING, 40.0, 5.0),
        (5e-324, RETHINKING, 4.0, 0.5),
        (1e-9, Wires(driver_ohm=1e6, sense_ohm=1e6), 100.0, 1.0),
    ],
)
def test_extreme_arrays_converge(
    rng: torch.Generator, g: float, wires: Wires, b: float, most: float
) -> None:
    tile = g * torch.rand(48, 40, generator=rng, dtype=torch.float64)
    point = nonlinear_operating_point(volts(rng, 3, 48, most=most), tile, wires, SinhDevice(b=b))
    assert point.converged.all(), point.residual
    assert torch.isfinite(point.currents).all()


def test_open_arrays_carry_nothing(rng: torch.Generator) -> None:
    point = nonlinear_operating_point(
        volts(rng, 2, 5), _t(np.zeros((5, 4))), RETHINKING, SinhDevice(b=4.0)
    )
    assert point.converged.all()
    assert (point.currents == 0).all()


@pytest.mark.parametrize(("rows", "cols", "batch"), [(5, 7, 3), (17, 9, 20), (64, 64, 20)])
def test_a_sample_has_the_same_bits_alone(
    rng: torch.Generator, rows: int, cols: int, batch: int
) -> None:
    v, g, law = volts(rng, 2, batch, rows), draw(rng, 2, rows, cols), SinhDevice(b=4.0)
    v[0, 0] *= 30  # a hard neighbour, and a dead one
    v[1, 0] = 0
    together = solve_nonlinear(v, g, RETHINKING, law)
    for tile, sample in ((0, 0), (0, batch - 1), (1, 1)):
        alone = solve_nonlinear(v[tile, sample : sample + 1], g[tile], RETHINKING, law)
        assert torch.equal(alone[0], together[tile, sample])


def test_leading_dimensions_broadcast(rng: torch.Generator) -> None:
    v, g, law = volts(rng, 4, 6), draw(rng, 2, 3, 6, 5), SinhDevice(b=4.0)
    found = solve_nonlinear(v, g, RETHINKING, law)
    assert found.shape == (2, 3, 4, 5)
    assert torch.equal(found[1, 2], solve_nonlinear(v, g[1, 2], RETHINKING, law))
    assert torch.equal(solve_nonlinear(v.expand(2, 3, 4, 6), g, RETHINKING, law), found)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (0, 4, 3)])
def test_an_empty_batch_is_fine(shape: tuple[int, ...]) -> None:
    g = torch.full((*shape[:-2], 3, 2), 1e-4, requires_grad=True)
    found = solve_nonlinear(torch.zeros(shape), g, RETHINKING, SinhDevice(b=4.0))
    found.sum().backward()
    assert found.shape == (*shape[:-1], 2)
    assert g.grad is not None
    assert (g.grad == 0).all()


def test_float32_is_float64_rounded(rng: torch.Generator) -> None:
    v, g, law = volts(rng, 3, 6).float(), draw(rng, 6, 5).float(), SinhDevice(b=4.0)
    found = solve_nonlinear(v, g, RETHINKING, law)
    assert found.dtype == torch.float32
    assert torch.equal(found, solve_nonlinear(v.double(), g.double(), RETHINKING, law).float())
    assert solve_nonlinear(v.double(), g, RETHINKING, law).dtype == torch.float64


# --- both engines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wires", WIRES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_engines_agree(rng: torch.Generator, shape: tuple[int, int], wires: Wires) -> None:
    s = draw(rng, 3, *shape) * (torch.rand(3, *shape, generator=rng) > 0.3)
    e = draw(rng, 3, *shape, low=-1e-5, high=1e-5) * (s > 0)
    a, b = (x.solve_linearised(s, e, wires, 1e-14, 100) for x in (wires_torch, wires_compiled))
    assert_close(a, b, 1e-12)
    assert_close(a, -wires_torch.apply_z(e + s * a, wires), 1e-11)
    assert_close(wires_torch.apply_z(e, wires), wires_compiled.apply_z(e, wires), 1e-14)


def test_the_torch_engine_solves_and_differentiates(
    rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    v, g = volts(rng, 3, 6).requires_grad_(), draw(rng, 6, 5).requires_grad_()

    def run() -> tuple[Tensor, ...]:
        i = solve_nonlinear(v, g, RETHINKING, SinhDevice(b=8.0))
        return i, *torch.autograd.grad((i**2).sum(), (v, g))

    compiled = run()
    monkeypatch.setattr(linear_system, "engine", lambda tensor: wires_torch)
    for a, b in zip(run(), compiled, strict=True):
        assert_close(a.detach(), b.detach(), 1e-10)


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "law", [Ohmic(), SinhDevice(b=6.0), CubicDevice(k=30.0), Saturating(0.2)], ids=str
)
@pytest.mark.parametrize("wires", [*WIRES[:2], Wires(driver_ohm=4e3, col_ohm=200)], ids=str)
def test_gradients(rng: torch.Generator, wires: Wires, law: AbstractDeviceLaw) -> None:
    v, scaled = (
        volts(rng, 2, 2, 4).requires_grad_(),
        draw(rng, 4, 3, low=0.2, high=1.0).requires_grad_(),
    )
    # In units in which conductances and currents are of order one, so that gradcheck's steps are
    # small.
    assert torch.autograd.gradcheck(
        lambda v, g: 1e4 * solve_nonlinear(v, 1e-4 * g, wires, law),
        (v, scaled),
        eps=1e-5,
        atol=1e-8,
        rtol=1e-7,
    )


def test_the_gradient_of_an_open_device_is_what_closing_it_would_do(rng: torch.Generator) -> None:
    v, g, law = volts(rng, 1, 4), draw(rng, 4, 3), SinhDevice(b=4.0)
    g[2, 1] = 0
    tile = g.clone().requires_grad_()
    solve_nonlinear(v, tile, RETHINKING, law)[0, 1].backward()
    nearly = g.clone()
    nearly[2, 1] = 1e-10
    change = (solve_nonlinear(v, nearly, RETHINKING, law) - solve_nonlinear(v, g, RETHINKING, law))[
        0, 1
    ] / 1e-10
    assert tile.grad is not None
    assert tile.grad[2, 1].item() == pytest.approx(change.item(), rel=1e-4)


def test_linear_gradients_are_those_of_the_effective_conductance(rng: torch.Generator) -> None:
    v, g = volts(rng, 7, 9), draw(rng, 9, 6).requires_grad_()
    weight = volts(rng, 7, 6)
    (a,) = torch.autograd.grad((weight * solve_nonlinear(v, g, RETHINKING, Ohmic())).sum(), g)
    (b,) = torch.autograd.grad((weight * (v @ effective_conductance(g, RETHINKING))).sum(), g)
    assert_close(a, b, 1e-10)


def test_a_gradient_too_stiff_to_be_exact_is_refused(
    rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjoint, "ADJOINT_STEPS", 0)
    v, g = volts(rng, 1, 6), draw(rng, 6, 5).requires_grad_()
    currents = solve_nonlinear(v, g, RETHINKING, Ohmic())
    with pytest.raises(RuntimeError, match="adjoint of `solve_nonlinear` did not converge"):
        currents.sum().backward()


def test_only_first_derivatives(rng: torch.Generator) -> None:
    v, g = volts(rng, 1, 3).requires_grad_(), draw(rng, 3, 2)
    (grad,) = torch.autograd.grad(
        solve_nonlinear(v, g, RETHINKING, Ohmic()).sum(), v, create_graph=True
    )
    with pytest.raises(NotImplementedError, match="`solve_nonlinear` is differentiable once"):
        grad.sum().backward()


# --- the report -----------------------------------------------------------------------------------


def test_the_report_is_per_sample() -> None:
    # No driver resistance: a kilovolt across a device with b = 4 per volt exceeds the largest
    # float.
    v, g = _t([[0.5, 0.1], [1e3, -1e3], [0.0, 0.0]]), _t([[1e-4], [2e-4]])
    wires, law = Wires(sense_ohm=1e3), SinhDevice(b=4.0)
    point = nonlinear_operating_point(v, g, wires, law)
    assert point.converged.tolist() == [True, False, True]
    assert point.residual[0] <= 1e-12
    assert point.iterations[2] == 0
    assert torch.equal(point.currents[:1], solve_nonlinear(v[:1], g, wires, law))
    with pytest.raises(
        RuntimeError, match=r"did not converge for 1 of 3 samples, at index \(1,\): residual"
    ):
        solve_nonlinear(v, g, wires, law)


def test_a_short_circuit_next_door_changes_nothing(rng: torch.Generator) -> None:
    wires, law, g = Wires(sense_ohm=1e3), SinhDevice(b=40.0), draw(rng, 6, 4)
    v = volts(rng, 5, 6) / 5
    v[2] = _t([3.0, -3.0] * 3)
    together = nonlinear_operating_point(v, g, wires, law)
    assert together.converged.tolist() == [True, True, False, True, True]
    for k in (0, 1, 3, 4):
        alone = nonlinear_operating_point(v[k : k + 1], g, wires, law)
        assert all(torch.equal(one[0], many[k]) for one, many in zip(alone, together, strict=True))


def test_gradients_with_respect_to_voltages_do_not_feel_the_batch(rng: torch.Generator) -> None:
    v, g, law = volts(rng, 4, 6), draw(rng, 6, 5), SinhDevice(b=8.0)
    v[1] *= 20

    def gradient(v: Tensor) -> Tensor:
        v = v.clone().requires_grad_()
        (grad,) = torch.autograd.grad(solve_nonlinear(v, g, RETHINKING, law).square().sum(), v)
        return grad

    together = gradient(v)
    assert all(torch.equal(gradient(v[k : k + 1])[0], together[k]) for k in range(4))


def test_converged_means_that_the_currents_are_right(rng: torch.Generator) -> None:
    """Ideal word lines and no drivers: each column is one scalar equation for its potential c,
    solved by bisection.
    """
    wires, g = Wires(sense_ohm=1e3), draw(rng, 5, 4)
    seen = set()
    for b in (4.0, 20.0, 30.0, 40.0):
        v = volts(rng, 8, 5, most=1.0)
        low, high = (
            torch.full((8, 4), -1.0, dtype=torch.float64),
            torch.ones(8, 4, dtype=torch.float64),
        )
        for _ in range(60):
            c = (low + high) / 2
            rises = SinhDevice(b=b).current(v[:, :, None] - c[:, None], g).sum(1) > c / 1e3
            low, high = torch.where(rises, c, low), torch.where(rises, high, c)
        point = nonlinear_operating_point(v, g, wires, SinhDevice(b=b))
        seen.update(point.converged.tolist())
        right = point.converged
        assert_close(point.currents[right], low[right] / 1e3, 1e-6)
    assert seen == {True, False}


def test_harder_samples_take_more_steps(rng: torch.Generator) -> None:
    v = volts(rng, 1, 8) * _t([[1e-6], [1.0], [10.0]])
    point = nonlinear_operating_point(v, draw(rng, 8, 8), RETHINKING, SinhDevice(b=20.0))
    steps = point.iterations.tolist()
    assert point.converged.all()
    assert steps == sorted(steps)
    assert steps[0] < steps[2]


# --- laws and errors ------------------------------------------------------------------------------


def test_laws_round_trip() -> None:
    for law in (Ohmic(), SinhDevice(b=4.0), CubicDevice(k=1.5)):
        assert AbstractDeviceLaw.from_json(law.to_json()) == law


def test_slopes_by_autograd_are_slopes(rng: torch.Generator) -> None:
    v, g, law = volts(rng, 3, 4), draw(rng, 3, 4), SinhDevice(b=4.0)
    assert_close(AbstractDeviceLaw.slope(law, v, g), law.slope(v, g), 1e-14)
    with torch.no_grad():
        assert_close(CubicDevice(k=2.0).slope(v, g), g * (1 + 6 * v**2), 1e-14)


@pytest.mark.parametrize("b", [-1.0, float("nan"), float("inf")])
def test_sinh_refuses(b: float) -> None:
    with pytest.raises(ValueError, match="`b` must be"):
        SinhDevice(b=b)


@dataclass(frozen=True)
class Bad(AbstractDeviceLaw):
    """Laws that are none, by name."""

    how: str

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        if self.how == "falling":
            return -g * v
        if self.how == "detached":
            return g * v.detach()
        if self.how == "infinite":
            return g / v
        return (g * v).sum(-1)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("falling", "`law` Bad: `slope` runs from .* must not fall"),
        ("detached", "`law` Bad: `current` does not depend differentiably on `v`"),
        ("infinite", "`law` Bad: `current` must be finite at 0 V"),
        ("summed", "`law` Bad: `current` must return torch.float64 of the shape"),
    ],
)
def test_laws_that_are_none_are_refused(how: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve_nonlinear(_t([[0.5, 0.2]]), _t([[1e-4], [1e-4]]), RETHINKING, Bad(how))


@pytest.mark.parametrize("call", [solve_nonlinear, nonlinear_operating_point])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"v": torch.tensor([[0.1, float("nan")]])}, ValueError, "`v` must be finite, got NaN"),
        ({"g": torch.tensor([[1e-4], [float("inf")]])}, ValueError, "`g` must be finite"),
        (
            {"g": torch.tensor([[1e-4], [-1e-4]])},
            ValueError,
            "`g` must not be negative, got -0.0001 S",
        ),
        ({"g": torch.tensor([[1e-4]])}, ValueError, "`v` has 2 rows and `g` has 1"),
        (
            {"v": torch.tensor([0.1, 0.2])},
            ValueError,
            r"`v` must have the shape \(..., batch, rows\)",
        ),
        ({"g": torch.zeros(2, 0)}, ValueError, "`g` must hold at least one row and one column"),
        (
            {"v": torch.zeros(2, 1, 2), "g": torch.zeros(3, 2, 1)},
            ValueError,
            "leading dimensions of `v`",
        ),
        (
            {"v": torch.zeros(1, 2, device="meta")},
            ValueError,
            "`v` and `g` must be on one device, got meta and cpu",
        ),
        (
            {"v": torch.zeros(1, 2, dtype=torch.bfloat16)},
            TypeError,
            "`v` must be float32 or float64",
        ),
        ({"g": [[1e-4], [1e-4]]}, TypeError, "`g` must be Tensor"),
        ({"wires": 5.0}, TypeError, "`wires` must be Wires"),
        ({"law": SinhDevice}, TypeError, "`law` must be AbstractDeviceLaw"),
    ],
)
def test_bad_input_is_named(call, change, error, message) -> None:  # type: ignore[no-untyped-def]
    arguments = {
        "v": torch.zeros(1, 2),
        "g": torch.zeros(2, 1),
        "wires": RETHINKING,
        "law": Ohmic(),
    } | change
    with pytest.raises(error, match=message):
        call(**arguments)


def _t(values: object) -> Tensor:
    return (
        torch.tensor(values, dtype=torch.float64)
        if isinstance(values, list)
        else torch.as_tensor(values)
    )
