"""Products and inverses with one matrix per lane, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from wordline.kernels.dense import (
    ADD,
    SET,
    SET_MINUS,
    Matrix,
    copy,
    invert,
    mirror,
    product,
    scale_columns,
    scale_rows,
    split_near_one,
    triangle,
)
from wordline.kernels.registers import VECTOR_BYTES

LANES = VECTOR_BYTES // 8


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("n", [1, 3, 4, 6, 35])
@pytest.mark.parametrize("mode", [SET, ADD, SET_MINUS])
def test_product(m: int, n: int, mode: int) -> None:
    k, rng = 5, np.random.default_rng(m + 10 * n)
    ws = rng.random((m * (n + 2) + m * k + k * n) * LANES)
    c, a, b = 0, m * (n + 2), m * (n + 2) + m * k
    v = ws.reshape(-1, LANES)
    ab = np.einsum("ikl,kjl->ijl", v[a:b].reshape(m, k, LANES), v[b:].reshape(k, n, LANES))
    want = v.copy()
    corner = want[:a].reshape(m, n + 2, LANES)[:, :n]
    corner[:] = {SET: ab, ADD: corner + ab, SET_MINUS: -ab}[mode]
    product(ws, Matrix(c, n + 2, 1), Matrix(a, k, 1), Matrix(b, n, 1), (m, n, k), mode)
    np.testing.assert_allclose(v, want, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 4, 7, 33, 38])
def test_triangle_of_a_symmetric_product(n: int) -> None:
    ws = np.random.default_rng(n).random((n * n + n * 3) * LANES)
    v = ws.reshape(-1, LANES)
    x = v[n * n :].reshape(n, 3, LANES).copy()
    triangle(ws, Matrix(0, n, 1), Matrix(n * n, 3, 1), Matrix(n * n, 1, 3), (n, 3), SET)
    want = np.einsum("ikl,jkl->ijl", x, x)
    lower = np.tril_indices(n)
    np.testing.assert_allclose(v[: n * n].reshape(n, n, LANES)[lower], want[lower], rtol=1e-14)
    np.testing.assert_array_equal(v[n * n :].reshape(n, 3, LANES), x)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 11, 16, 30])
def test_inverse(n: int) -> None:
    ws = np.random.default_rng(n).random(2 * n * n * LANES) / n
    x = ws.reshape(2, n, n, LANES)[0]
    x[range(n), range(n)] += 1
    want = np.linalg.inv(x.transpose(2, 0, 1)).transpose(1, 2, 0)
    invert(ws, Matrix(0, n, 1), n, n * n)
    np.testing.assert_allclose(x, want, atol=1e-13)


@pytest.mark.parametrize("m", [0, 1, 3])
@pytest.mark.parametrize("n", [0, 1, 4, 6, 9])
def test_copy_of_a_matrix_and_of_its_transpose(m: int, n: int) -> None:
    ws = np.random.default_rng(n).random(400 * LANES)
    v = ws.reshape(-1, LANES)
    want = v.copy()
    want[200 : 200 + m * 11].reshape(m, 11, LANES)[:, :n] = v[: m * 13].reshape(m, 13, LANES)[:, :n]
    want[320 : 320 + m * n] = (
        v[: m * 13].reshape(m, 13, LANES)[:, :n].transpose(1, 0, 2).reshape(-1, LANES)
    )
    copy(ws, Matrix(200, 11, 1), Matrix(0, 13, 1), (m, n))
    copy(ws, Matrix(320, 1, m), Matrix(0, 13, 1), (m, n))
    np.testing.assert_array_equal(v, want)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_mirror(n: int) -> None:
    ws = np.random.default_rng(n).random(n * (n + 1) * LANES)
    x = ws.reshape(n, n + 1, LANES)[:, :n]
    want = np.tril(x.transpose(2, 0, 1))
    want = (want + np.tril(want, -1).transpose(0, 2, 1)).transpose(1, 2, 0)
    mirror(ws, Matrix(0, n + 1, 1), n)
    np.testing.assert_array_equal(x, want)


def test_factors_of_columns_and_of_rows() -> None:
    ws = np.random.default_rng(0).random(100 * LANES)
    v = ws.reshape(-1, LANES)
    x, mask = v[:15].reshape(3, 5, LANES)[:, :4].copy(), v[20:24].copy()
    scale_columns(ws, Matrix(40, 5, 1), Matrix(0, 5, 1), 20, (3, 4))
    np.testing.assert_array_equal(v[40:55].reshape(3, 5, LANES)[:, :4], x * mask)
    scale_rows(ws, Matrix(60, 5, 1), Matrix(0, 5, 1), 20, (3, 4))
    np.testing.assert_array_equal(v[60:75].reshape(3, 5, LANES)[:, :4], x * mask[:3, None])


def test_numbers_near_one_lane_by_lane() -> None:
    ws = np.zeros(3 * LANES)
    v = ws.reshape(-1, LANES)
    v[0, :3], v[1], v[2] = (0.4, 0.9, 1.3), -7.0, 5.0
    _near(ws, 0, 1, 2)
    np.testing.assert_array_equal(v[0, :4], [0.4, -7.0, -7.0, 0.0])
    np.testing.assert_array_equal(v[2, :4], [0.0, 1.0, 1.0, 0.0])


@njit
def _near(ws, *numbers):  # type: ignore[no-untyped-def]
    split_near_one(ws, numbers, ())
