"""`wires_torch` compiled for CPUs: one sample at a time, its ladders side by side in registers.

The same formulas in the same order. A sample's arithmetic never depends on the samples it travels
with, so its bits do not either. The kernels hold no lock, so that threads can take parts of a
batch.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from torch import Tensor

from ...kernels import kernel
from ..wires import Ohms, Wires

# Sums may be reordered into lanes, which LLVM does in one fixed way; nothing here assumes numbers
# to be finite.
_FASTMATH = {"reassoc", "contract"}
_TILE = 8  # side of the squares in which a matrix is transposed: one cache line of doubles


def apply_z(i: Tensor, wires: Wires) -> Tensor:
    """Compute `wires_torch.apply_z`."""
    volts = torch.empty_like(i, memory_format=torch.contiguous_format)
    _apply_z(*_arrays(i, volts), Ohms.of(wires))
    return volts


def solve_linearised(s: Tensor, e: Tensor, wires: Wires, rtol: float, steps: int) -> Tensor:
    """Compute `wires_torch.solve_linearised`."""
    volts = torch.empty_like(e, memory_format=torch.contiguous_format)
    _solve_linearised(*_arrays(s, e, volts), Ohms.of(wires), rtol, steps)
    return volts


def _arrays(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)


@kernel(fastmath=_FASTMATH)
@no_type_check
def _apply_z(currents, volts, ohms):
    driver, row, col, sense = ohms
    n, rows, cols = currents.shape
    line = np.empty(cols)
    for k in range(n):
        i, out = currents[k], volts[k]
        # down the bit lines: the current that each has collected so far, parked in `out`
        line[:] = 0.0
        for a in range(rows):
            for b in range(cols):
                line[b] += i[a, b]
                out[a, b] = line[b]
        # up again from the sense amplifiers: the potential of each node
        for b in range(cols):
            line[b] = sense * out[rows - 1, b]
            out[rows - 1, b] = line[b]
        for a in range(rows - 2, -1, -1):
            for b in range(cols):
                line[b] += col * out[a, b]
                out[a, b] = line[b]
        for a in range(rows):
            # back along the word line: the current that flows on through each segment
            onward = 0.0
            for b in range(cols - 1, -1, -1):
                onward += i[a, b]
                line[b] = onward
            # from the driver: the drop up to each cell
            drop = driver * onward
            out[a, 0] += drop
            for b in range(1, cols):
                drop += row * line[b]
                out[a, b] += drop


@kernel(fastmath=_FASTMATH)
@no_type_check
def _factor(s, first, step, end, wire, t):
    """Factor ladders whose positions, from the end resistor outwards, are first, first + step, ...

    t = 1 / (1 + R Y), with Y the admittance seen outwards through R.
    """
    length, width = s.shape
    admittance = np.empty(width)
    last = first + step * (length - 1)
    for w in range(width):
        admittance[w] = s[last, w]
    for k in range(length - 1, 0, -1):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            t[here, w] = 1.0 / (1.0 + wire * admittance[w])
            admittance[w] = s[nearer, w] + t[here, w] * admittance[w]
    for w in range(width):
        t[first, w] = 1.0 / (1.0 + end * admittance[w])


@kernel(fastmath=_FASTMATH)
@no_type_check
def _substitute(t, j, first, step, end, wire, out):
    """Compute potentials along ladders when currents j enter their nodes."""
    length, width = t.shape
    last = first + step * (length - 1)
    for w in range(width):
        out[last, w] = j[last, w]
    # inwards: the current that arrives at each node from beyond
    for k in range(length - 1, 0, -1):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            out[nearer, w] = j[nearer, w] + t[here, w] * out[here, w]
    # outwards: the potentials
    for w in range(width):
        out[first, w] = end * (t[first, w] * out[first, w])
    for k in range(1, length):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            out[here, w] = t[here, w] * (out[nearer, w] + wire * out[here, w])


@kernel(fastmath=_FASTMATH)
@no_type_check
def _transpose(a, out):
    rows, cols = a.shape
    for i0 in range(0, rows, _TILE):
        for j0 in range(0, cols, _TILE):
            for i in range(i0, min(i0 + _TILE, rows)):
                for j in range(j0, min(j0 + _TILE, cols)):
                    out[j, i] = a[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _multiply(a, b, out):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i, j] = a[i, j] * b[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _subtract_product(a, s, b, out):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i, j] = a[i, j] - s[i, j] * b[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _power(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j] * b[i, j]
    return total


@kernel(fastmath=_FASTMATH)
@no_type_check
def _add(a, factor, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += factor * b[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _copy(a, out):
    for i in range(a.shape[0]):  # assigned as a slice it compiles for seconds, for its message
        for j in range(a.shape[1]):
            out[i, j] = a[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _scale_add(a, factor, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = b[i, j] + factor * a[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _solve_linearised(slopes, sources, volts, ohms, rtol, steps):
    driver, row, col, sense = ohms
    n, rows, cols = slopes.shape
    # word lines are solved with positions first, so in matrices (cols, rows)
    turned, shape, bottom = (cols, rows), (rows, cols), rows - 1
    s_turned, t_row = np.empty(turned), np.empty(turned)
    j_turned, r_turned = np.empty(turned), np.empty(turned)
    t_col, c, residual, z = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    p, p_residual, q, r = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    for k in range(n):
        s, e, out = slopes[k], sources[k], volts[k]
        _transpose(s, s_turned)
        _factor(s_turned, 0, 1, driver, row, t_row)
        _factor(s, bottom, -1, sense, col, t_col)
        # residual = e - s row_line(e),  z = col_line(residual)
        _transpose(e, j_turned)
        _substitute(t_row, j_turned, 0, 1, driver, row, r_turned)
        _transpose(r_turned, r)
        c[:] = 0.0
        _subtract_product(e, s, r, residual)
        _substitute(t_col, residual, bottom, -1, sense, col, z)
        _copy(z, p)
        _copy(residual, p_residual)
        energy = _power(z, residual)
        goal = rtol * rtol * energy
        for _ in range(steps):
            if not energy > goal:
                break
            # q = p_residual - s row_line(s p)
            _multiply(s, p, q)
            _transpose(q, j_turned)
            _substitute(t_row, j_turned, 0, 1, driver, row, r_turned)
            _transpose(r_turned, r)
            _subtract_product(p_residual, s, r, q)
            curvature = _power(p, q)
            if not curvature > 0.0:  # nothing left but rounding
                break
            # c += alpha p,  residual -= alpha q,  z = col_line(residual)
            alpha = energy / curvature
            _add(c, alpha, p)
            _add(residual, -alpha, q)
            _substitute(t_col, residual, bottom, -1, sense, col, z)
            new_energy = _power(z, residual)
            beta = new_energy / energy
            energy = new_energy
            # p = z + beta p
            _scale_add(p, beta, z)
            _scale_add(p_residual, beta, residual)
        # u = -row_line(e - s c) - c
        _subtract_product(e, s, c, q)
        _transpose(q, j_turned)
        _substitute(t_row, j_turned, 0, 1, driver, row, r_turned)
        _transpose(r_turned, r)
        for i in range(rows):
            for j in range(cols):
                out[i, j] = -r[i, j] - c[i, j]
