"""Programs of matrix operations against numpy: many problems in lanes, and one alone."""

from __future__ import annotations

import numpy as np
import pytest

from wordline.kernels import kernel, matrix_product, program
from wordline.kernels.buffer_pool import aligned_empty
from wordline.kernels.machine import REGISTERS, machine
from wordline.kernels.program import ADD, OPERATIONS, SET, SET_MINUS, Matrix, Place, Program
from wordline.kernels.registers import VECTOR_BYTES

_many = machine("test", OPERATIONS)
_one = machine("test", OPERATIONS, lanes=1)
NUMBERS = (0.0, 0.0, 0.0, 0.0)


@kernel()
def _run_many(ws, steps, table, shift):  # type: ignore[no-untyped-def]
    _many(ws, steps, table, shift, NUMBERS)


@kernel()
def _run_one(ws, steps, table, shift):  # type: ignore[no-untyped-def]
    _one(ws, steps, table, shift, NUMBERS)


class Workspace:
    """Random numbers, `(vectors, lanes)`, in register 0; `run` gives what a program leaves."""

    def __init__(self, lanes: int, vectors: int = 6000, seed: int = 0) -> None:
        self.lanes = lanes
        self.v = np.random.default_rng(seed).random((vectors, lanes))

    def run(self, p: Program, registers: tuple[int, ...] = (), shift: int = 0) -> np.ndarray:
        ws = aligned_empty((self.v.size,), np.dtype(np.float64))
        ws[:] = self.v.ravel()
        steps = np.zeros((1, 2 + REGISTERS), np.int64)
        steps[0, 1], steps[0, 2 : 2 + len(registers)] = len(p.rows), registers
        (_run_one if self.lanes == 1 else _run_many)(ws, steps, p.table(), shift)
        return ws.reshape(self.v.shape)

    def read(self, x: Matrix, shape: tuple[int, int], v: np.ndarray | None = None) -> np.ndarray:
        """A matrix of each lane, `(lanes, rows, columns)`."""
        i, j = np.indices(shape)
        at = x.at.offset + i * x.row_step + j * x.col_step
        return (self.v if v is None else v)[at].transpose(2, 0, 1)

    def write(self, x: Matrix, values: np.ndarray) -> np.ndarray:
        """A copy of the numbers with a matrix of each lane replaced."""
        v = self.v.copy()
        i, j = np.indices(values.shape[1:])
        v[x.at.offset + i * x.row_step + j * x.col_step] = values.transpose(1, 2, 0)
        return v


LANES = pytest.mark.parametrize("lanes", [1, VECTOR_BYTES // 8], ids=["alone", "lanes"])
AT = [Place(0, 2000 * n) for n in range(3)]


@LANES
@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 9, 13])
@pytest.mark.parametrize("n", [1, 3, 4, 6, 11, 35])
@pytest.mark.parametrize("mode", [SET, ADD, SET_MINUS])
@pytest.mark.parametrize("transposed", [False, True])
def test_product(lanes: int, m: int, n: int, mode: int, transposed: bool) -> None:
    k, ws = 5, Workspace(lanes)
    a = Matrix(AT[1], m + 1).T if transposed else Matrix(AT[1], k + 2)
    c, b = Matrix(AT[0], n + 2), Matrix(AT[2], n + 1)
    p = Program()
    p.product(c, a, b, (m, n, k), mode)
    ab = ws.read(a, (m, k)) @ ws.read(b, (k, n))
    want = ws.write(c, {SET: ab, ADD: ws.read(c, (m, n)) + ab, SET_MINUS: -ab}[mode])
    np.testing.assert_allclose(ws.run(p), want, rtol=1e-14, atol=1e-14)


@LANES
@pytest.mark.parametrize("n", [1, 2, 4, 7, 33, 38])
def test_triangle_of_a_symmetric_product(lanes: int, n: int) -> None:
    ws, c, x, p = Workspace(lanes), Matrix(AT[0], n), Matrix(AT[1], n + 3), Program()
    p.triangle(c, x.T, x, (n, 3), SET)
    xs, lower = ws.read(x, (3, n)), np.tril_indices(n)
    found = ws.run(p)
    got, want = ws.read(c, (n, n), found), xs.transpose(0, 2, 1) @ xs
    np.testing.assert_allclose(got[:, *lower], want[:, *lower], rtol=1e-14)
    np.testing.assert_array_equal(found[n * n :], ws.v[n * n :])


def test_products_of_one_problem_and_of_many_have_the_same_bits() -> None:
    many, p = Workspace(VECTOR_BYTES // 8), Program()
    p.product(Matrix(AT[0], 23), Matrix(AT[1], 17), Matrix(AT[2], 23), (9, 21, 17), SET)
    found = many.run(p)
    for lane in range(many.lanes):
        one = Workspace(1)
        one.v = many.v[:, lane : lane + 1].copy()
        np.testing.assert_array_equal(one.run(p)[:, 0], found[:, lane])


@LANES
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 11, 16, 30])
def test_inverse(lanes: int, n: int) -> None:
    ws, x, p = Workspace(lanes), Matrix(AT[0], n + 1), Program()
    ws.v /= n
    for i in range(n):
        ws.v[x.from_entry(i, i).at.offset] += 1
    p.invert(x, n, AT[1])
    want = np.linalg.inv(ws.read(x, (n, n)))
    np.testing.assert_allclose(ws.read(x, (n, n), ws.run(p)), want, atol=1e-13)


@LANES
@pytest.mark.parametrize("m", [0, 1, 3])
@pytest.mark.parametrize("n", [0, 1, 4, 6, 9, 21])
@pytest.mark.parametrize("way", ["rows", "to columns", "from columns"])
def test_copy(lanes: int, m: int, n: int, way: str) -> None:
    ws, p = Workspace(lanes), Program()
    to = Matrix(AT[0], m + 2).T if way == "to columns" else Matrix(AT[0], n + 1)
    source = Matrix(AT[1], m + 1).T if way == "from columns" else Matrix(AT[1], n + 3)
    p.copy(to, source, (m, n))
    want = ws.write(to, ws.read(source, (m, n))) if m and n else ws.v
    np.testing.assert_array_equal(ws.run(p), want)


@LANES
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_mirror(lanes: int, n: int) -> None:
    ws, x, p = Workspace(lanes), Matrix(AT[0], n + 1), Program()
    p.mirror(x, n)
    low = np.tril(ws.read(x, (n, n)))
    want = low + np.tril(low, -1).transpose(0, 2, 1)
    np.testing.assert_array_equal(ws.run(p), ws.write(x, want))


@LANES
def test_factors_of_rows(lanes: int) -> None:
    ws, p = Workspace(lanes), Program()
    to, source = Matrix(AT[0], 13), Matrix(AT[1], 12)
    p.scale_rows(to, source, AT[2], (3, 11))
    factors = ws.v[4000:4003].T[:, :, None]
    np.testing.assert_array_equal(ws.run(p), ws.write(to, ws.read(source, (3, 11)) * factors))


@LANES
def test_ones_on_a_diagonal_and_the_diagonal_of_a_product(lanes: int) -> None:
    ws, p, n = Workspace(lanes), Program(), 7
    a, b, out = Matrix(AT[0], n), Matrix(AT[1], n + 2), AT[2]
    p.write(program.ADD_TO_DIAGONAL, (a.at,), a.row_step, n)
    p.write(program.MINUS_DIAGONAL, (out, a.at, b.at), a.row_step, b.row_step, n)
    found, more = ws.run(p), ws.read(a, (n, n)) + np.eye(n)
    np.testing.assert_array_equal(ws.read(a, (n, n), found), more)
    want = -np.einsum("lik,lki->li", more, ws.read(b, (n, n)))
    np.testing.assert_allclose(found[4000 : 4000 + n].T, want, rtol=1e-14)


@LANES
def test_numbers_near_one_lane_by_lane(lanes: int) -> None:
    ws, p, x = Workspace(lanes), Program(), Matrix(AT[0], 4)
    p.write(program.SPLIT_NEAR_ONE, (x.at, AT[1], AT[2]), 4, 3)
    values = ws.read(x, (3, 3))[:, range(3), range(3)].T
    found = ws.run(p)
    near = values > 0.5
    np.testing.assert_array_equal(
        ws.read(x, (3, 3), found)[:, range(3), range(3)].T, np.where(near, ws.v[2000:2003], values)
    )
    np.testing.assert_array_equal(found[4000:4003], near)


@LANES
@pytest.mark.parametrize("count", [1, 4, 21])
def test_vectors_side_by_side(lanes: int, count: int) -> None:
    ws, p = Workspace(lanes), Program()
    p.write(program.ZERO, (AT[0],), count)
    p.write(program.STREAM_OUT, (AT[1], AT[2]), count)
    p.write(program.STREAM_IN, (Place(0, 1000), AT[2]), count)
    want = ws.v.copy()
    want[:count] = 0
    want[2000 : 2000 + count] = want[1000 : 1000 + count] = ws.v[4000 : 4000 + count]
    np.testing.assert_array_equal(ws.run(p), want)


def test_addresses_count_from_registers_and_the_last_one_from_the_shift() -> None:
    ws, p = Workspace(1), Program()
    p.copy(Matrix(Place(1, 5), 1), Matrix(Place(REGISTERS - 1, 2), 1), (1, 3))
    registers = (0, 100, *[0] * (REGISTERS - 3), 40)
    want = ws.v.copy()
    want[105:108] = ws.v[1042:1045]
    np.testing.assert_array_equal(ws.run(p, registers, shift=1000), want)


def test_a_product_that_the_machine_cannot_do_is_refused() -> None:
    a = Matrix(AT[0], 3)
    with pytest.raises(ValueError, match="C must be row-major and the depth positive"):
        Program().product(a.T, a, a, (3, 3, 3), SET)
    with pytest.raises(ValueError, match="C must be row-major and the depth positive"):
        Program().product(a, a, a, (3, 3, 0), SET)


def test_corners_fill_the_registers() -> None:
    rows, columns = matrix_product._ROWS, matrix_product._COLUMNS
    registers = matrix_product.REGISTERS
    assert rows * columns + columns + 1 <= registers < rows * columns + 2 * (rows + columns)
