"""The public function: what it accepts, what it refuses, gradients, and laws that hold for every
array.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.circuits.conformance import STRONG, TYPICAL, conductances, distance, ohms, wired
from tests.oracles import kirchhoff
from torch import Tensor

from wordline.circuits import Wires, effective_conductance
from wordline.circuits.linear import reference
from wordline.circuits.linear.compiled import driver
from wordline.kernels.buffer_pool import BufferPool

RESISTANCES = st.one_of(st.just(0.0), st.floats(1e-3, 1e4))
WIRES = st.builds(wired, RESISTANCES, RESISTANCES, RESISTANCES, RESISTANCES)
QUICK = settings(max_examples=40, deadline=None)


@st.composite
def arrays(draw: st.DrawFn) -> Tensor:
    """One array of up to 12 x 12 cells, some of them open, over five decades."""
    rows, cols = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**31))
    scale, part_open = (
        draw(st.sampled_from([1e-6, 5e-5, 1e-3, 1e-1])),
        draw(st.sampled_from([0.0, 0.5, 0.95])),
    )
    g = conductances(rows, cols, top=scale, seed=seed)
    return g * (conductances(rows, cols, top=1.0, seed=seed + 1) >= part_open)


def test_no_resistance_no_change() -> None:
    g = conductances(3, 4, 5).float()
    assert torch.equal(effective_conductance(g, Wires()), g)
    assert effective_conductance(g, Wires()).data_ptr() != g.data_ptr()


def test_shape_and_type_are_kept() -> None:
    g = conductances(2, 3, 4, 5).float()
    w = effective_conductance(g, TYPICAL)
    assert (w.shape, w.dtype) == (g.shape, torch.float32)
    assert torch.equal(effective_conductance(g[1, 2], TYPICAL), w[1, 2])
    assert effective_conductance(g[:0], TYPICAL).shape == (0, 3, 4, 5)


def test_gradient_passes_gradcheck() -> None:
    g = conductances(2, 4, 3, top=1.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: 1e3 * effective_conductance(1e-3 * x, TYPICAL), g)
    assert torch.autograd.gradcheck(lambda x: 1e3 * effective_conductance(1e-3 * x, Wires()), g)


def test_gradient_of_open_devices() -> None:
    g = conductances(6, 5)
    g[2], g[:, 1] = 0, 0
    g.requires_grad_()
    weight = conductances(6, 5, top=1.0, seed=4)
    (got,) = torch.autograd.grad((effective_conductance(g, STRONG) * weight).sum(), g)
    want = kirchhoff.gradient(g.detach().numpy(), weight.numpy(), *ohms(STRONG))
    assert distance(got[None], want[None]) < 1e-11


def test_nothing_is_saved_unless_a_gradient_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = BufferPool(1_000_000)
    monkeypatch.setattr(driver, "SAVED", pool)
    g = conductances(3, 16, 16)
    effective_conductance(g, TYPICAL)
    with torch.no_grad():
        effective_conductance(g.requires_grad_(), TYPICAL)
    assert pool.used == 0
    w = effective_conductance(g, TYPICAL)
    assert pool.used > 0
    assert pool.allocate(1, 1_000_000).size < 1_000_000
    w.sum().backward()
    assert pool.allocate(1, 1_000_000).size == 1_000_000  # the gradient gave it back


def test_second_derivative_is_refused() -> None:
    g = conductances(3, 3).requires_grad_()
    (grad,) = torch.autograd.grad(effective_conductance(g, TYPICAL).sum(), g, create_graph=True)
    with pytest.raises(NotImplementedError, match="differentiable once"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("g", "error", "match"),
    [
        (torch.tensor([[1.0, float("nan")]]), ValueError, "`g` must be finite, got nan"),
        (torch.tensor([[1.0, float("inf")]]), ValueError, "`g` must be finite, got inf"),
        (torch.tensor([[1.0, -1e-9]]), ValueError, "`g` must not be negative, got -1e-09"),
        (torch.tensor([1.0]), ValueError, r"`g` must have the shape \(..., rows, cols\)"),
        (
            torch.ones(2, 2, dtype=torch.int64),
            TypeError,
            "`g` must be float32 or float64, got torch.int64",
        ),
        (torch.ones(2, 2, dtype=torch.bfloat16), TypeError, "`g` must be float32 or float64"),
    ],
)
def test_bad_conductances(g: Tensor, error: type[Exception], match: str) -> None:
    for wires in (TYPICAL, Wires()):
        with pytest.raises(error, match=match):
            effective_conductance(g, wires)


def test_bad_types() -> None:
    with pytest.raises(TypeError, match="`g` must be a torch Tensor, got list"):
        effective_conductance([[1.0]], TYPICAL)
    with pytest.raises(TypeError, match="`wires` must be Wires, got 5"):
        effective_conductance(torch.ones(1, 1), 5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
def test_extreme_values(dtype: torch.dtype) -> None:
    tiny, huge = torch.finfo(dtype).tiny, torch.finfo(dtype).max
    for value in (tiny, tiny / 4, 1e-30, 1.0, 1e6, huge**0.5):
        g = torch.full((1, 3, 3), value, dtype=dtype)
        w = effective_conductance(g, TYPICAL)
        assert w.isfinite().all()
        assert (w >= 0).all()
    assert effective_conductance(
        torch.full((1, 1), huge, dtype=dtype), TYPICAL
    ).item() == pytest.approx(1 / 2e3)


@QUICK
@given(arrays(), WIRES)
def test_agrees_with_the_dense_solve(g: Tensor, wires: Wires) -> None:
    want = kirchhoff.effective_conductance(g.numpy(), *ohms(wires))
    assert distance(effective_conductance(g, wires), want) < 1e-9


@QUICK
@given(arrays(), WIRES)
def test_reciprocity(g: Tensor, wires: Wires) -> None:
    """Turned by a half and transposed, driver and sense, row and column exchanged: one array."""
    turned = wired(wires.sense_ohm, wires.col_ohm, wires.row_ohm, wires.driver_ohm)
    one, other = effective_conductance(g, wires), effective_conductance(g.flip(0, 1).mT, turned)
    assert distance(other, one.flip(0, 1).mT.numpy()) < 1e-11


@QUICK
@given(arrays(), WIRES)
def test_passivity(g: Tensor, wires: Wires) -> None:
    w, slack = effective_conductance(g, wires), 1 + 1e-12
    assert (w >= 0).all()
    for axis, end in ((1, wires.driver_ohm), (0, wires.sense_ohm)):
        total = g.sum(axis)
        assert (w.sum(axis) <= slack * total / (1 + end * total)).all()


@QUICK
@given(arrays(), WIRES, st.integers(0, 2**31))
def test_superposition(g: Tensor, wires: Wires, seed: int) -> None:
    """Currents for any inputs, from the node voltages of the dense solve, are the sum over single
    inputs.
    """
    v = np.random.default_rng(seed).standard_normal(g.shape[0])
    answer = kirchhoff.solve(g.numpy(), *ohms(wires))
    drops = np.einsum("i,iab->ab", v, answer.from_inputs)
    want = (g.numpy() * drops).sum(
        0
    )  # what a bit line's devices feed into it leaves through its sense amplifier
    got = v @ effective_conductance(g, wires).numpy()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * (np.abs(v) @ answer.w).max() + 1e-300)


@QUICK
@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([torch.float32, torch.float64]),
    st.data(),
)
def test_a_tile_has_the_same_bits_alone_in_a_batch_and_in_any_order(
    tiles: int, rows: int, cols: int, dtype: torch.dtype, data: st.DataObject
) -> None:
    g = conductances(tiles, rows, cols, seed=tiles).to(dtype).requires_grad_()
    order = torch.tensor(data.draw(st.permutations(range(tiles))))
    one = data.draw(st.integers(0, tiles - 1))
    w = effective_conductance(g, TYPICAL)
    assert torch.equal(effective_conductance(g[order], TYPICAL), w[order])
    alone = effective_conductance(g[one], TYPICAL)
    assert torch.equal(alone, w[one])
    (grad,) = torch.autograd.grad((w * w.detach()).sum(), g)
    assert torch.equal(torch.autograd.grad((alone * alone.detach()).sum(), g)[0][one], grad[one])


def test_other_devices_take_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        reference, "solve", lambda g, wires: seen.append(g.device.type) or torch.empty_like(g)
    )
    g = torch.empty(2, 3, 3, device="meta")
    monkeypatch.setattr("wordline.circuits.effective._require_conductances", lambda g: None)
    assert effective_conductance(g, TYPICAL).device.type == "meta"
    assert seen == ["meta"]
