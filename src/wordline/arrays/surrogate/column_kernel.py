"""The column network on the processor: a row of columns at a time, nothing stored in between.

The arithmetic is that of `column_network` and `column_passes`, whose torch operations are its
reference; only the order of a few roundings differs. One sample's columns never meet another's.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from ...kernels import kernel

_FASTMATH = {"contract", "arcp", "afn", "reassoc"}
Array = NDArray[Any]


class Products(NamedTuple):
    """Products of powers of the inputs with what was programmed, each `(samples, cols)`."""

    m1: Array
    m2: Array
    m3: Array
    f3: Array


class Network(NamedTuple):
    """The column network of some columns, and the design's constants, all of one type."""

    bias: Array  # (hidden, cols)
    skip: Array  # (cols,)
    u: Array  # (hidden, 4)
    o: Array  # (hidden,)
    k: Array  # (4,)
    rest: Any  # the m1 below which nothing is relative to it
    share: Any  # 1 / (rows g_on)
    volts: Any


@kernel(fastmath=_FASTMATH, error_model="numpy")
@no_type_check
def currents(products, network, out):
    """Compute out = volts m1 (1 + r), `(samples, cols)`."""
    m1, m2, m3, f3 = products
    bias, skip, u, o, k, rest, share, volts = network
    samples, cols = m1.shape
    one = np.ones(1, m1.dtype)[0]  # of their type: a literal would make every product a double
    z = np.empty((4, cols), m1.dtype)
    r = np.empty(cols, m1.dtype)
    for n in range(samples):
        for j in range(cols):
            relative = one / max(m1[n, j], rest)
            z[0, j] = m2[n, j] * relative
            z[1, j] = m3[n, j] * relative
            z[2, j] = f3[n, j] * relative
            z[3, j] = m1[n, j] * share
            r[j] = skip[j] + k[0] * z[0, j] + k[1] * z[1, j] + k[2] * z[2, j] + k[3] * z[3, j]
        for h in range(o.shape[0]):
            for j in range(cols):
                y = (
                    bias[h, j]
                    + u[h, 0] * z[0, j]
                    + u[h, 1] * z[1, j]
                    + u[h, 2] * z[2, j]
                    + u[h, 3] * z[3, j]
                )
                r[j] += o[h] * (y / np.sqrt(one + y * y))
        for j in range(cols):
            out[n, j] = volts * m1[n, j] * (one + r[j])


@kernel(fastmath=_FASTMATH, error_model="numpy")
@no_type_check
def descend(products, grad, network, sums):
    """Replace the products by the derivatives dm of `column_read`, with respect to them.

    `grad` `(samples, cols)`: dL/dI; derivatives with respect to biases and skip are added to `sums`
    `(hidden + 1, cols)`.
    """
    m1, m2, m3, f3 = products
    bias, skip, u, o, k, rest, share, volts = network
    samples, cols = m1.shape
    hidden = o.shape[0]
    one = np.ones(1, m1.dtype)[0]  # of their type: a literal would make every product a double
    z = np.empty((4, cols), m1.dtype)
    slope = np.empty((4, cols), m1.dtype)
    r = np.empty(cols, m1.dtype)
    relative = np.empty(cols, m1.dtype)
    for n in range(samples):
        for j in range(cols):
            relative[j] = one / max(m1[n, j], rest)
            z[0, j] = m2[n, j] * relative[j]
            z[1, j] = m3[n, j] * relative[j]
            z[2, j] = f3[n, j] * relative[j]
            z[3, j] = m1[n, j] * share
            r[j] = one + skip[j] + k[0] * z[0, j] + k[1] * z[1, j] + k[2] * z[2, j] + k[3] * z[3, j]
            for i in range(4):
                slope[i, j] = k[i]
        for h in range(hidden):
            for j in range(cols):
                y = (
                    bias[h, j]
                    + u[h, 0] * z[0, j]
                    + u[h, 1] * z[1, j]
                    + u[h, 2] * z[2, j]
                    + u[h, 3] * z[3, j]
                )
                down = one / np.sqrt(one + y * y)
                r[j] += o[h] * (y * down)
                flat = o[h] * (down * down * down)  # (1 - t^2)^(3/2)
                sums[h, j] += volts * grad[n, j] * m1[n, j] * flat
                slope[0, j] += flat * u[h, 0]
                slope[1, j] += flat * u[h, 1]
                slope[2, j] += flat * u[h, 2]
                slope[3, j] += flat * u[h, 3]
        for j in range(cols):
            g = volts * grad[n, j]
            dr = g * m1[n, j]
            sums[hidden, j] += dr
            d2 = slope[0, j] * dr * relative[j]
            d3 = slope[1, j] * dr * relative[j]
            df = slope[2, j] * dr * relative[j]
            back = d2 * z[0, j] + d3 * z[1, j] + df * z[2, j]
            m2[n, j] = d2
            m3[n, j] = d3
            f3[n, j] = df
            m1[n, j] = (
                g * r[j] + slope[3, j] * dr * share - (back if m1[n, j] > rest else one - one)
            )
