"""`nonlinear_ladders.py` compiled for the CPU: one sample at a time, its chains side by side in vector registers.

The same formulas in the same order. A sample's arithmetic never depends on the samples it travels with, so its bits do
not either. The kernels hold no lock, so that threads can take parts of a batch.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from torch import Tensor

from ..kernels import kernel
from .wires import Wires

# Sums may be reordered into lanes, which LLVM does in one fixed way; nothing here assumes numbers to be finite.
_FASTMATH = {"reassoc", "contract"}
_BLOCK = 8  # side of the squares in which a matrix is transposed: one cache line of doubles


def drops(i: Tensor, wires: Wires) -> Tensor:
    """`nonlinear_ladders.drops`, compiled."""
    volts = torch.empty_like(i, memory_format=torch.contiguous_format)
    _drops(*_arrays(i, volts), *_ohms(wires))
    return volts


def respond(s: Tensor, e: Tensor, wires: Wires, rtol: float, steps: int) -> Tensor:
    """`nonlinear_ladders.respond`, compiled."""
    volts = torch.empty_like(e, memory_format=torch.contiguous_format)
    _respond(*_arrays(s, e, volts), *_ohms(wires), rtol, steps)
    return volts


def _arrays(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)


def _ohms(wires: Wires) -> tuple[float, float, float, float]:
    return float(wires.driver_ohm), float(wires.row_ohm), float(wires.col_ohm), float(wires.sense_ohm)


@kernel(fastmath=_FASTMATH)
@no_type_check
def _drops(currents, volts, driver, row, col, sense):
    n, rows, cols = currents.shape
    line = np.empty(cols)
    for k in range(n):
        i, out = currents[k], volts[k]
        line[:] = 0.0
        for a in range(rows):  # current that each bit line has collected so far, parked in `out`
            for b in range(cols):
                line[b] += i[a, b]
                out[a, b] = line[b]
        for b in range(cols):
            line[b] = sense * out[rows - 1, b]
            out[rows - 1, b] = line[b]
        for a in range(rows - 2, -1, -1):
            for b in range(cols):
                line[b] += col * out[a, b]
                out[a, b] = line[b]
        for a in range(rows):
            onward = 0.0
            for b in range(cols - 1, -1, -1):  # current that flows on through each segment of this word line
                onward += i[a, b]
                line[b] = onward
            drop = driver * onward
            out[a, 0] += drop
            for b in range(1, cols):
                drop += row * line[b]
                out[a, b] += drop


@kernel(fastmath=_FASTMATH)
@no_type_check
def _fold(s, first, step, end, wire, t):
    """Factors of ladders whose positions, from the end resistor outwards, stand at first, first + step, ..."""
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


@kernel(fastmath=_FASTMATH)
@no_type_check
def _follow(t, j, first, step, end, wire, out):
    """Potentials along ladders when currents j enter their nodes."""
    length, width = t.shape
    last = first + step * (length - 1)
    for w in range(width):
        out[last, w] = j[last, w]
    for k in range(length - 1, 0, -1):
        here, nearer = first + step * k, first + step * (k - 1)
        for w in range(width):
            out[nearer, w] = j[nearer, w] + t[here, w] * out[here, w]
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
    for i0 in range(0, rows, _BLOCK):
        for j0 in range(0, cols, _BLOCK):
            for i in range(i0, min(i0 + _BLOCK, rows)):
                for j in range(j0, min(j0 + _BLOCK, cols)):
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
def _scale_add(a, factor, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = b[i, j] + factor * a[i, j]


@kernel(fastmath=_FASTMATH)
@no_type_check
def _respond(slopes, sources, volts, driver, row, col, sense, rtol, steps):
    n, rows, cols = slopes.shape
    turned, shape, bottom = (cols, rows), (rows, cols), rows - 1
    s_turned, t_row, j_turned, r_turned = np.empty(turned), np.empty(turned), np.empty(turned), np.empty(turned)
    t_col, c, lack, z = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    p, p_lack, q, r = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    for k in range(n):
        s, e, out = slopes[k], sources[k], volts[k]
        _transpose(s, s_turned)
        _fold(s_turned, 0, 1, driver, row, t_row)
        _fold(s, bottom, -1, sense, col, t_col)
        _transpose(e, j_turned)
        _follow(t_row, j_turned, 0, 1, driver, row, r_turned)
        _transpose(r_turned, r)
        c[:] = 0.0
        _subtract_product(e, s, r, lack)
        _follow(t_col, lack, bottom, -1, sense, col, z)
        p[:] = z
        p_lack[:] = lack
        energy = _power(z, lack)
        goal = rtol * rtol * energy
        for _ in range(steps):
            if not energy > goal:
                break
            _multiply(s, p, q)
            _transpose(q, j_turned)
            _follow(t_row, j_turned, 0, 1, driver, row, r_turned)
            _transpose(r_turned, r)
            _subtract_product(p_lack, s, r, q)
            curvature = _power(p, q)
            if not curvature > 0.0:  # nothing left but rounding
                break
            alpha = energy / curvature
            _add(c, alpha, p)
            _add(lack, -alpha, q)
            _follow(t_col, lack, bottom, -1, sense, col, z)
            fresh = _power(z, lack)
            beta = fresh / energy
            energy = fresh
            _scale_add(p, beta, z)
            _scale_add(p_lack, beta, lack)
        _subtract_product(e, s, c, q)
        _transpose(q, j_turned)
        _follow(t_row, j_turned, 0, 1, driver, row, r_turned)
        _transpose(r_turned, r)
        for i in range(rows):
            for j in range(cols):
                out[i, j] = -r[i, j] - c[i, j]
