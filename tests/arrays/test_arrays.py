"""Arrays read: against node-by-node solutions, closed forms, and central differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.oracles.nonlinear import column_currents
from torch import Tensor

import wordline as wl
from wordline.arrays import AbstractArray, ExactArray, IdealBackward, NonlinearArray, nonlinear
from wordline.circuits import Ohmic, SinhDevice, Wires

WIRES = Wires(driver_ohm=500, row_ohm=2.5, col_ohm=2.5, sense_ohm=100)
OHMS = (500.0, 2.5, 2.5, 100.0)
B = 4.0
SINH = NonlinearArray(SinhDevice(b=B))
ARRAYS = [
    ExactArray(),
    SINH,
    IdealBackward(ExactArray()),
    IdealBackward(SINH),
    IdealBackward(IdealBackward(SINH)),
]
every_array = pytest.mark.parametrize("array", ARRAYS, ids=lambda array: array.to_json())


def draw(rng: torch.Generator, *shape: int, low: float = 1e-6, high: float = 1e-5) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=rng, dtype=torch.float64)


def read(array: AbstractArray, volts: Tensor, g: Tensor, wires: Wires = WIRES) -> Tensor:
    return array.currents(volts, array.program(g, wires), wires)


def oracle(volts: Tensor, g: Tensor, b: float) -> Tensor:
    current = (lambda u, g: g * np.sinh(b * u) / b) if b else (lambda u, g: g * u)
    slope = (lambda u, g: g * np.cosh(b * u)) if b else (lambda u, g: g)
    return torch.from_numpy(
        np.stack([column_currents(v, g.numpy(), OHMS, current, slope) for v in volts.numpy()])
    )


@pytest.mark.parametrize(("array", "b"), [(ExactArray(), 0.0), (SINH, B), (IdealBackward(SINH), B)])
def test_currents_are_those_of_the_nodes(
    rng: torch.Generator, array: AbstractArray, b: float
) -> None:
    volts, g = draw(rng, 3, 6, low=-0.25, high=0.25), draw(rng, 6, 5)
    torch.testing.assert_close(read(array, volts, g), oracle(volts, g, b), rtol=1e-9, atol=0)


@every_array
def test_without_wires_and_curvature_it_is_the_product(
    rng: torch.Generator, array: AbstractArray
) -> None:
    volts, g = draw(rng, 3, 6, low=0, high=1e-4), draw(rng, 6, 5)
    torch.testing.assert_close(read(array, volts, g, Wires()), volts @ g, rtol=1e-7, atol=0)


@every_array
def test_no_volts_no_amperes(rng: torch.Generator, array: AbstractArray) -> None:
    assert read(array, torch.zeros(2, 4, dtype=torch.float64), draw(rng, 4, 3)).abs().max() == 0


@every_array
def test_what_it_says_of_itself_holds(rng: torch.Generator, array: AbstractArray) -> None:
    volts, g = draw(rng, 2, 4, low=0.1, high=0.25), draw(rng, 4, 3)
    programmed = array.program(g, WIRES)
    assert programmed.shape[-1] == g.shape[-1] and programmed.shape[-2] >= g.shape[-2]
    product = programmed.shape == g.shape and torch.equal(
        array.currents(volts, programmed, WIRES), volts @ programmed
    )
    assert array.linear == product
    scale_free = torch.allclose(
        read(array, 2 * volts, g), 2 * read(array, volts, g), rtol=1e-12, atol=0
    )
    assert array.needs_volts != scale_free
    few = array.currents(volts, programmed[:, 1:], WIRES)
    apart = torch.allclose(few, array.currents(volts, programmed, WIRES)[:, 1:], rtol=1e-12, atol=0)
    assert array.independent_columns == apart
    leaf = volts.requires_grad_()

    def microamperes(v: Tensor) -> Tensor:
        return 1e6 * read(array, v, g)

    right = torch.autograd.gradcheck(microamperes, leaf, eps=1e-4, rtol=1e-5, raise_exception=False)
    assert right == (array.gradient == "exact")


def test_exact_gradients_reach_the_conductances(rng: torch.Generator) -> None:
    volts, g = draw(rng, 2, 4, low=0, high=0.25), draw(rng, 4, 3).requires_grad_()
    for array in (ExactArray(), SINH):
        assert torch.autograd.gradcheck(
            lambda g, a=array: 1e6 * read(a, volts, g), g, eps=1e-10, atol=1e-4
        )


@pytest.mark.parametrize("inner", [ExactArray(), SINH])
def test_ideal_backward_has_the_gradient_of_the_product(
    rng: torch.Generator, inner: AbstractArray
) -> None:
    volts, g = (
        draw(rng, 2, 1, 3, 4, low=0, high=0.25).requires_grad_(),
        draw(rng, 2, 5, 4, 3).requires_grad_(),
    )
    shown, product = read(IdealBackward(inner), volts, g), volts @ g
    assert torch.equal(shown, read(inner, volts, g))
    weight = torch.rand(shown.shape, generator=rng, dtype=torch.float64)
    for found, wanted in zip(
        torch.autograd.grad((weight * shown).sum(), (volts, g)),
        torch.autograd.grad((weight * product).sum(), (volts, g)),
        strict=True,
    ):
        assert torch.equal(found, wanted)


@every_array
def test_a_sample_does_not_feel_its_batch(rng: torch.Generator, array: AbstractArray) -> None:
    volts, g = draw(rng, 3, 1, 7, 4, low=0, high=0.25), draw(rng, 3, 2, 4, 3)
    together = read(array, volts, g)
    assert together.shape == (3, 2, 7, 3)
    for tile in ((0, 0), (2, 1)):
        alone = read(array, volts[tile[0], 0, 4:5], g[tile])
        torch.testing.assert_close(alone[0], together[*tile, 4], rtol=1e-13, atol=0)


def test_a_large_read_is_solved_in_parts(
    rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    volts, g = (
        draw(rng, 2, 1, 5, 4, low=0, high=0.25).requires_grad_(),
        draw(rng, 2, 3, 4, 3).requires_grad_(),
    )
    weight = torch.rand(2, 3, 5, 3, generator=rng, dtype=torch.float64)

    def read_and_differentiate() -> tuple[Tensor, ...]:
        currents = read(SINH, volts, g)
        return currents.detach(), *torch.autograd.grad((weight * currents).sum(), (volts, g))

    whole = read_and_differentiate()
    calls: list[int] = []
    solve = nonlinear.currents_through
    monkeypatch.setattr(
        nonlinear, "currents_through", lambda v, *rest: calls.append(v.shape[-2]) or solve(v, *rest)
    )
    monkeypatch.setattr(nonlinear, "_MAX_KEPT_VOLTAGES", 2 * 3 * 4 * 3 * 2)
    parts = read_and_differentiate()
    assert calls == [5, 2, 2, 1]
    for found, wanted in zip(parts, whole, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=0)


def test_samples_that_do_not_settle_are_named() -> None:
    # No driver resistance: a kilovolt across a device of b = 4 per volt exceeds the largest float
    volts, g = (
        torch.tensor([[0.5, 0.1], [1e3, -1e3]], dtype=torch.float64),
        torch.tensor([[1e-4], [2e-4]]).double(),
    )
    with pytest.raises(RuntimeError, match=r"did not converge for 1 of 2 samples, at index \(1,\)"):
        read(SINH, volts, g, Wires(sense_ohm=1e3))


@every_array
def test_json_round_trip(array: AbstractArray) -> None:
    again = AbstractArray.from_json(array.to_json())
    assert again == array and hash(again) == hash(array)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="`law` must be AbstractDeviceLaw, got 4.0"):
        NonlinearArray(4.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`array` must be AbstractArray, got Ohmic"):
        IdealBackward(Ohmic())  # type: ignore[arg-type]


def test_every_array_says_what_its_devices_are() -> None:
    sinh = wl.SinhDevice(b=4.0)
    assert wl.ExactArray().device_law == wl.Ohmic()
    assert wl.NonlinearArray(sinh).device_law == sinh
    assert wl.IdealBackward(wl.NonlinearArray(sinh)).device_law == sinh
    assert wl.SurrogateArray.of("builtin:puma-32x32-100k").device_law == sinh
