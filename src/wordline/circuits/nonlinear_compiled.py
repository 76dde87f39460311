"""The two chain operations of `nonlinear_ladders.py`, compiled for the CPU: one sample at a time, chains across lanes.

Same formulas, same order, for float64 on a CPU. A sample's arithmetic never depends on which samples it travels with,
so its bits do not either. Threads take disjoint slices of the samples and hold no lock; a pool that lives for one call
survives forks and leaves the caller's thread settings alone.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, no_type_check

import numpy as np
import torch
from numba import njit
from torch import Tensor

from .wires import Wires

# Sums may be reordered into lanes, which LLVM does in one fixed way per shape; nothing that assumes finite numbers.
_COMPILE = {"nogil": True, "cache": True, "fastmath": {"reassoc", "contract"}}
_BLOCK = 8  # side of the squares in which a matrix is transposed: one cache line of doubles
_THREADS_FROM = 1 << 16  # cells below which a thread costs more than it saves


def wire_drops(i: Tensor, wires: Wires) -> Tensor:
    """`nonlinear_ladders.wire_drops`, compiled."""
    drops = torch.empty_like(i)
    _run(_drop_many, (i, drops), wires)
    return drops


def solve_emf(s: Tensor, emf: Tensor, wires: Wires, rtol: float, steps: int) -> Tensor:
    """`nonlinear_ladders.solve_emf`, compiled."""
    volts = torch.empty_like(emf)
    _run(_solve_many, (s, emf, volts), wires, rtol, steps)
    return volts


def _run(kernel: Any, tensors: tuple[Tensor, ...], wires: Wires, *scalars: float) -> None:
    """Run a kernel on slices of the samples, one slice a thread."""
    ohms = (float(wires.driver_ohm), float(wires.row_ohm), float(wires.col_ohm), float(wires.sense_ohm))
    arrays = [tensor.detach().contiguous().numpy() for tensor in tensors]
    n, threads = len(arrays[0]), torch.get_num_threads()
    if threads == 1 or n == 1 or arrays[0].size < _THREADS_FROM:
        kernel(*arrays, *ohms, *scalars)
        return
    bounds = np.linspace(0, n, min(threads, n) + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(kernel, *(array[a:b] for array in arrays), *ohms, *scalars)
            for a, b in zip(bounds[:-1], bounds[1:], strict=True)
        ]
        for job in jobs:
            job.result()


@njit(**_COMPILE)
@no_type_check
def _drop_many(currents, drops, driver, row, col, sense):
    n, rows, cols = currents.shape
    branch = np.empty(cols)
    for k in range(n):
        i, out = currents[k], drops[k]
        branch[:] = 0.0
        for a in range(rows):  # current collected by each bit line so far, parked in `out`
            for j in range(cols):
                branch[j] += i[a, j]
                out[a, j] = branch[j]
        for j in range(cols):
            branch[j] = sense * out[rows - 1, j]
            out[rows - 1, j] = branch[j]
        for a in range(rows - 2, -1, -1):
            for j in range(cols):
                branch[j] += col * out[a, j]
                out[a, j] = branch[j]
        for a in range(rows):
            onward = 0.0
            for j in range(cols - 1, -1, -1):  # current that flows on through each segment of this word line
                onward += i[a, j]
                branch[j] = onward
            drop = driver * onward
            out[a, 0] += drop
            for j in range(1, cols):
                drop += row * branch[j]
                out[a, j] += drop


@njit(**_COMPILE)
@no_type_check
def _fold(s, first, step, end, wire, t):
    """The factors t of a ladder of chains; position k of every chain stands at index first + step k."""
    length, width = s.shape
    seen = np.empty(width)
    last = first + step * (length - 1)
    for w in range(width):
        seen[w] = s[last, w]
    for k in range(length - 1, 0, -1):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            t[here, w] = 1.0 / (1.0 + wire * seen[w])
            seen[w] = s[nearer, w] + t[here, w] * seen[w]
    for w in range(width):
        t[first, w] = 1.0 / (1.0 + end * seen[w])


@njit(**_COMPILE)
@no_type_check
def _follow(s, t, e, first, step, end, wire, out):
    """Potentials of the ladder's nodes when the far side of every device is held at e."""
    length, width = s.shape
    last = first + step * (length - 1)
    for w in range(width):
        out[last, w] = s[last, w] * e[last, w]
    for k in range(length - 1, 0, -1):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            out[nearer, w] = s[nearer, w] * e[nearer, w] + t[here, w] * out[here, w]
    for w in range(width):
        out[first, w] = end * (t[first, w] * out[first, w])
    for k in range(1, length):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            out[here, w] = t[here, w] * (out[nearer, w] + wire * out[here, w])


@njit(**_COMPILE)
@no_type_check
def _transpose(a, out):
    rows, cols = a.shape
    for i0 in range(0, rows, _BLOCK):
        for j0 in range(0, cols, _BLOCK):
            for i in range(i0, min(i0 + _BLOCK, rows)):
                for j in range(j0, min(j0 + _BLOCK, cols)):
                    out[j, i] = a[i, j]


@njit(**_COMPILE)
@no_type_check
def _weighted(s, a, b):
    total = 0.0
    for i in range(s.shape[0]):
        for j in range(s.shape[1]):
            total += s[i, j] * a[i, j] * b[i, j]
    return total


@njit(**_COMPILE)
@no_type_check
def _add(a, factor, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += factor * b[i, j]


@njit(**_COMPILE)
@no_type_check
def _scale_add(a, factor, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = b[i, j] + factor * a[i, j]


@njit(**_COMPILE)
@no_type_check
def _solve_many(slopes, emfs, volts, driver, row, col, sense, rtol, steps):
    n, rows, cols = slopes.shape
    s_t, t_row, e_t, r_t = np.empty((cols, rows)), np.empty((cols, rows)), np.empty((cols, rows)), np.empty((cols, rows))
    t_col, c, lag, z = np.empty((rows, cols)), np.empty((rows, cols)), np.empty((rows, cols)), np.empty((rows, cols))
    p, p_hat, q = np.empty((rows, cols)), np.empty((rows, cols)), np.empty((rows, cols))
    bottom = rows - 1
    for k in range(n):
        s, emf, out = slopes[k], emfs[k], volts[k]
        _transpose(s, s_t)
        _fold(s_t, 0, 1, driver, row, t_row)
        _fold(s, bottom, -1, sense, col, t_col)
        _transpose(emf, e_t)
        _follow(s_t, t_row, e_t, 0, 1, driver, row, r_t)
        _transpose(r_t, q)
        c[:] = 0.0
        for i in range(rows):
            for j in range(cols):
                lag[i, j] = emf[i, j] - q[i, j]
        _follow(s, t_col, lag, bottom, -1, sense, col, z)
        p[:] = z
        p_hat[:] = lag
        energy = _weighted(s, lag, z)
        goal = rtol * rtol * energy
        for _ in range(steps):
            if not energy > goal:
                break
            _transpose(p, e_t)
            _follow(s_t, t_row, e_t, 0, 1, driver, row, r_t)
            _transpose(r_t, q)
            for i in range(rows):
                for j in range(cols):
                    q[i, j] = p_hat[i, j] - q[i, j]
            curvature = _weighted(s, p, q)
            if not curvature > 0.0:  # nothing left but rounding
                break
            alpha = energy / curvature
            _add(c, alpha, p)
            _add(lag, -alpha, q)
            _follow(s, t_col, lag, bottom, -1, sense, col, z)
            fresh = _weighted(s, lag, z)
            beta = fresh / energy
            energy = fresh
            _scale_add(p, beta, z)
            _scale_add(p_hat, beta, lag)
        for i in range(rows):
            for j in range(cols):
                c[i, j] -= emf[i, j]
        _transpose(c, e_t)
        _follow(s_t, t_row, e_t, 0, 1, driver, row, r_t)
        _transpose(r_t, q)
        for i in range(rows):
            for j in range(cols):
                out[i, j] = q[i, j] - c[i, j]
