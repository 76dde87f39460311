"""Derivatives of the solvers in forward mode and under `torch.func`, against differences and
against reverse mode.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from wordline import Wires, effective_conductance, solve_nonlinear
from wordline.circuits import SinhDevice

WIRES = Wires(driver_ohm=1e3, row_ohm=50, col_ohm=100, sense_ohm=1e3)
PARTIAL = [
    WIRES,
    Wires(row_ohm=30),
    Wires(driver_ohm=500, sense_ohm=20),
    Wires(col_ohm=1e3, sense_ohm=1),
]


def effective(g: Tensor) -> Tensor:
    return effective_conductance(g, WIRES)


def currents(v: Tensor, g: Tensor) -> Tensor:
    return solve_nonlinear(v, g, WIRES, SinhDevice(b=4.0))


def draw(rng: torch.Generator, *shape: int, scale: float = 1e-4) -> Tensor:
    return scale * torch.rand(shape, generator=rng, dtype=torch.float64)


def difference(
    f: Callable[..., Tensor], at: tuple[Tensor, ...], along: tuple[Tensor, ...]
) -> Tensor:
    step = 1e-5
    ahead, behind = (f(*(x + s * d for x, d in zip(at, along, strict=True))) for s in (step, -step))
    return (ahead - behind) / (2 * step)


def both_forward_modes(
    f: Callable[..., Tensor], at: tuple[Tensor, ...], along: tuple[Tensor, ...]
) -> list[Tensor]:
    with forward_ad.dual_level(), torch.no_grad():
        dual = forward_ad.unpack_dual(f(*map(forward_ad.make_dual, at, along))).tangent
    return [torch.func.jvp(f, at, along)[1], dual]


def test_forward_mode_of_one_device_by_hand() -> None:
    # W = g / (1 + R g), dW = dg / (1 + R g)^2
    g, wires = torch.tensor([[1e-3]], dtype=torch.float64), Wires(driver_ohm=400, sense_ohm=600)
    for found in both_forward_modes(lambda x: effective_conductance(x, wires), (g,), (g / 100,)):
        torch.testing.assert_close(found, g / 400)


@pytest.mark.parametrize("wires", PARTIAL, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forward_mode_of_the_effective_conductance(
    rng: torch.Generator, wires: Wires, dtype: torch.dtype
) -> None:
    g, along = draw(rng, 2, 5, 4), draw(rng, 2, 5, 4)
    wanted = difference(lambda x: effective_conductance(x, wires), (g,), (along,))
    tolerance = 1e-7 if dtype == torch.float64 else 1e-5
    at, to = (g.to(dtype),), (along.to(dtype),)
    for found in both_forward_modes(lambda x: effective_conductance(x, wires), at, to):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), wanted, rtol=tolerance, atol=1e-12)


def test_forward_mode_of_curved_arrays(rng: torch.Generator) -> None:
    at = draw(rng, 2, 3, 5, scale=0.3), draw(rng, 2, 5, 4)
    along = draw(rng, 2, 3, 5, scale=1), draw(rng, 2, 5, 4)
    wanted = difference(currents, at, along)
    for found in both_forward_modes(currents, at, along):
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-14)
    by_volts = difference(lambda v: currents(v, at[1]), at[:1], along[:1])
    for found in both_forward_modes(lambda v: currents(v, at[1]), at[:1], along[:1]):
        torch.testing.assert_close(found, by_volts, rtol=1e-7, atol=0)


def test_jacobians_agree_in_all_ways(rng: torch.Generator) -> None:
    g = draw(rng, 2, 4, 3)
    wanted = torch.autograd.functional.jacobian(effective, g)
    assert torch.equal(torch.func.jacrev(effective)(g), wanted)
    torch.testing.assert_close(torch.func.jacfwd(effective)(g), wanted, rtol=1e-12, atol=1e-18)
    at = draw(rng, 2, 3, 4, scale=0.3), g
    wanted_by = torch.autograd.functional.jacobian(currents, at)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        for found, by in zip(jacobian(currents, argnums=(0, 1))(*at), wanted_by, strict=True):
            torch.testing.assert_close(found, by, rtol=1e-12, atol=1e-18)


def test_vmap_is_one_tile_after_another(rng: torch.Generator) -> None:
    g, weight = (
        draw(rng, 3, 20, 17),
        draw(rng, 3, 20, 17, scale=1),
    )  # large enough that solves leave something behind

    def loss(tiles: Tensor, weights: Tensor) -> Tensor:
        return (effective(tiles) * weights).sum()

    leaf = g.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(loss(leaf, weight), leaf)
    assert torch.equal(torch.func.vmap(effective)(g), effective(g))
    batched = torch.func.vmap(effective)
    found = (
        torch.func.vmap(torch.func.grad(loss))(g, weight),
        torch.func.grad(lambda x: (batched(x) * weight).sum())(g),
        torch.func.vmap(torch.func.grad(lambda x, y: (batched(x) * y).sum()))(
            g[:, None], weight[:, None]
        )[:, 0],
        torch.func.vmap(torch.func.grad(loss), in_dims=2)(g.movedim(0, 2), weight.movedim(0, 2)),
    )
    for gradient in found:
        torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-18)


def test_vmap_of_curved_arrays(rng: torch.Generator) -> None:
    v, g = draw(rng, 3, 2, 5, scale=0.3), draw(rng, 5, 4)
    assert torch.equal(torch.func.vmap(currents, in_dims=(0, None))(v, g), currents(v, g))
    leaves = v.clone().requires_grad_(), g.expand(3, 5, 4).clone().requires_grad_()
    wanted = torch.autograd.grad(currents(*leaves).sum(), leaves)
    gradient = torch.func.grad(lambda v, g: currents(v, g).sum(), argnums=(0, 1))
    for found, each in zip(torch.func.vmap(gradient, in_dims=(0, None))(v, g), wanted, strict=True):
        torch.testing.assert_close(found, each, rtol=1e-12, atol=0)


def test_bad_numbers_are_named_under_vmap() -> None:
    with pytest.raises(ValueError, match="`g` must not be negative, got -1"):
        torch.func.vmap(effective)(torch.tensor([[[1.0]], [[-1.0]]]))
    with pytest.raises(ValueError, match="`g` must not be negative, got -1"):
        torch.func.vmap(currents)(torch.ones(2, 1, 1), torch.tensor([[[1.0]], [[-1.0]]]))
    with pytest.raises(ValueError, match="`v` must be finite"):
        torch.func.vmap(currents)(torch.full((2, 1, 1), torch.nan), torch.ones(2, 1, 1))


def test_second_derivatives_are_refused_in_every_mode(rng: torch.Generator) -> None:
    g = draw(rng, 3, 2)
    forward, reverse = torch.func.jacfwd, torch.func.jacrev
    for outer in (forward, reverse):
        for inner in (forward, reverse):
            with pytest.raises(
                NotImplementedError, match="`effective_conductance` is differentiable once"
            ):
                outer(inner(lambda x: effective(x).sum()))(g)
            with pytest.raises(
                NotImplementedError, match="`solve_nonlinear` is differentiable once"
            ):
                outer(inner(lambda v: currents(v, g).sum()))(draw(rng, 2, 3))


def test_solvers_stay_out_of_compiled_graphs(rng: torch.Generator) -> None:
    g = draw(rng, 4, 3).requires_grad_()
    doubled = torch.compile(lambda x: 2 * effective_conductance(2 * x, WIRES), backend="eager")
    assert torch.equal(doubled(g), 2 * effective(2 * g))
    found, wanted = (torch.autograd.grad(w.sum(), g)[0] for w in (doubled(g), 2 * effective(2 * g)))
    assert torch.equal(found, wanted)
    v = draw(rng, 2, 4, scale=0.3)
    halved = torch.compile(
        lambda x: solve_nonlinear(x / 2, g, WIRES, SinhDevice(4.0)), backend="eager"
    )
    assert torch.equal(halved(v), currents(v / 2, g))
