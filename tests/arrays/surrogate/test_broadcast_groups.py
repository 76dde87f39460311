"""Arrays with the same volts are read side by side, equal ones once, with the same results."""

from __future__ import annotations

import re

import pytest
import torch
from numba import njit, types
from numba.core.dispatcher import Dispatcher
from torch import Tensor

import wordline as wl
from wordline.arrays.surrogate import broadcast_groups, column_kernel
from wordline.arrays.surrogate import read as read_module

ARRAY = wl.Crossbar.preset("puma-32x32-100k").array
assert isinstance(ARRAY, wl.SurrogateArray)
WIRES = ARRAY.design.wires


@pytest.fixture
def case(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Volts of two row tiles, `(1, 2, 1, n, rows)`; arrays `(3, 2, 4, rows, cols)`, many equal."""
    design = ARRAY.design
    span = design.g_on_siemens - design.g_off_siemens
    g = design.g_off_siemens + span * torch.rand(
        3, 2, 4, 32, 32, generator=rng, dtype=torch.float64
    )
    g[2] = design.g_off_siemens  # an empty slice: eight arrays that are all alike
    g[0, 1, 3] = g[1, 1, 0]  # and one pair of twins at the second row tile
    g[0, 0, 1] = g[0, 0, 0]
    g[0, 0, 1, -1, -1] = design.g_on_siemens  # not a twin, though its first row is the same
    return 0.25 * torch.rand(1, 2, 1, 7, 32, generator=rng, dtype=torch.float64), ARRAY.program(
        g, WIRES
    )


def alone(volts: Tensor, programmed: Tensor, towards: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every array on its own: currents, and what of `towards` reaches volts and arrays."""
    out, up = torch.empty_like(towards), torch.zeros_like(volts)
    reached = torch.empty_like(programmed)
    for a in range(3):
        for row in range(2):
            for col in range(4):
                v = volts[0, row, 0].clone().requires_grad_()
                p = programmed[a, row, col].clone().requires_grad_()
                out[a, row, col] = found = ARRAY.currents(v, p, WIRES)
                dv, reached[a, row, col] = torch.autograd.grad(
                    (found * towards[a, row, col]).sum(), (v, p)
                )
                up[0, row, 0] += dv
    return out.detach(), up, reached


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("columns", [32, 96, 1024])
@pytest.mark.parametrize("cells", [1, 200, 1 << 15])
def test_side_by_side_is_each_alone(
    case: tuple[Tensor, Tensor], rng: torch.Generator, monkeypatch: pytest.MonkeyPatch,
    compiled: bool, columns: int, cells: int,
) -> None:  # fmt: skip
    volts, programmed = case
    towards = torch.randn(3, 2, 4, 7, 32, generator=rng, dtype=torch.float64)
    wanted = alone(volts, programmed, towards)
    monkeypatch.setattr(read_module, "_COLUMNS", columns)
    monkeypatch.setattr(read_module, "_CELLS", cells)
    monkeypatch.setattr(read_module, "_is_compiled", lambda *_: compiled)
    v, p = volts.clone().requires_grad_(), programmed.clone().requires_grad_()
    found = ARRAY.currents(v, p, WIRES)
    both = torch.autograd.grad((found * towards).sum(), (v, p), retain_graph=True)
    (one,) = torch.autograd.grad(
        (found * towards).sum(), v
    )  # both: no twins are merged; one alone: they are
    frozen = ARRAY.currents(v, programmed, WIRES)
    (merged,) = torch.autograd.grad((frozen * towards).sum(), v)
    for name, here, there in (
        ("currents", found, wanted[0]),
        ("volts", both[0], wanted[1]), ("arrays", both[1], wanted[2]),
        ("volts", one, wanted[1]), ("volts, twins merged", merged, wanted[1]),
    ):  # fmt: skip
        torch.testing.assert_close(
            here, there, rtol=1e-10, atol=1e-12 * there.abs().max().item(), msg=name
        )


def test_twins_are_read_once(case: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    volts, programmed = case
    read, columns = column_kernel.currents, 0

    def counted(products, *rest):  # type: ignore[no-untyped-def]
        nonlocal columns
        columns += products.m1.shape[1]
        read(products, *rest)

    monkeypatch.setattr(column_kernel, "currents", counted)
    ARRAY.currents(volts, programmed, WIRES)
    assert columns == 32 * (
        (8 + 1) + (7 + 1)
    )  # of 24 arrays: three of the empty ones left out twice, and a twin


@pytest.mark.parametrize("row", [0, 70, -1])
def test_numbers_that_differ_in_one_bit_are_no_twins(case: tuple[Tensor, Tensor], row: int) -> None:
    _, programmed = case
    arrays = programmed[2, 0].clone()
    arrays[1, row, -1] = torch.nextafter(arrays[1, row, -1], arrays.new_tensor(1e9))
    few = list(broadcast_groups.stack_arrays(arrays, merge_equal=True, columns=1024, cells=1 << 15))
    assert [each.positions for each in few] == [((((0,), (2,), (3,))), ((1,),))]


def test_no_arrays_and_no_leading_dimensions(case: tuple[Tensor, Tensor]) -> None:
    volts, programmed = case
    assert ARRAY.currents(volts[0, :, 0], programmed[:0, :, 0], WIRES).shape == (0, 2, 7, 32)
    single = ARRAY.currents(volts[0, 0, 0], programmed[0, 0, 0], WIRES)
    torch.testing.assert_close(
        single, ARRAY.currents(volts, programmed, WIRES)[0, 0, 0], rtol=1e-12, atol=0
    )


@pytest.mark.parametrize(
    "kernel", [column_kernel.currents, column_kernel.descend], ids=["currents", "descend"]
)
def test_single_precision_stays_single(kernel: Dispatcher) -> None:
    """A number without a type would make each product one of doubles, at a third of the speed."""
    fresh = njit(nogil=True, fastmath=column_kernel._FASTMATH, error_model="numpy")(kernel.py_func)
    flat, many, number = types.float32[:], types.float32[:, ::1], types.float32
    products = types.NamedUniTuple(many, 4, column_kernel.Products)
    fields = (many, flat, many, flat, flat, number, number, number)
    network = types.NamedTuple(fields, column_kernel.Network)
    grad = () if kernel is column_kernel.currents else (many,)
    fresh.compile((products, *grad, network, many))
    (text,) = fresh.inspect_llvm().values()
    kinds = set(re.findall(r"(?:fmul|fadd|fdiv) [^=%\n]*?(float|double)", text))
    assert kinds == {"float"}
