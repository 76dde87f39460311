"""The exact array by a plain right-to-left sweep over its columns in torch: the method to beat.

With x the potentials of a column's word-line nodes, each column draws S x, and everything from it
to the right Y x:

    P = (1 + r Y)^-1,   E = Y P = (1 - P) / r,   Y <- S + E,   U <- [S 1, P U],   x = P x_left

where U turns x into the currents of the columns so far, r is the resistance to the left (the
driver's at the end), and

    S_ik = g_i (i = k) - g_i phi_ik g_k h_k  (i <= k)

comes from one walk down the bit line and one up. About 2 N^4 operations a tile, half of them in
inverses and half in products P U; 1 - P costs digits where r Y is small, so for float64 only.
Shares nothing with the library's solver.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wordline.circuits import Wires


def effective_conductance(g: Tensor, wires: Wires) -> Tensor:
    """Compute W of tiles g `(tiles, rows, cols)`."""
    _, rows, cols = g.shape
    s, drawn = columns(g, wires)
    eye = torch.eye(rows, dtype=g.dtype)
    y, u = s[:, cols - 1], drawn[:, cols - 1, :, None]
    for j in range(cols - 1, -1, -1):
        r = wires.row_ohm if j else wires.driver_ohm
        p = torch.cholesky_inverse(torch.linalg.cholesky(eye + r * y))
        u = p @ u
        if j:
            y = s[:, j - 1] + ((eye - p) / r if r > 0 else y)
            u = torch.cat([drawn[:, j - 1, :, None], u], 2)
    return u


def columns(g: Tensor, wires: Wires) -> tuple[Tensor, Tensor]:
    """Compute S of each column by itself `(tiles, cols, rows, rows)`, and its current S 1.

    Down the bit line: t is what the devices so far conduct, f = 1 / (1 + R t) what a segment below
    leaves of it, and phi_ik the product of f from i to k. Up again: h_k sums R f phi^2 from k to
    the sense amplifier.
    """
    g = g.mT
    rows = g.shape[2]
    ohms = [wires.col_ohm] * (rows - 1) + [wires.sense_ohm]
    phi, f = torch.zeros(*g.shape, rows, dtype=g.dtype), torch.empty_like(g)
    t = torch.zeros_like(g[..., 0])
    for k, ohm in enumerate(ohms):
        t = t + g[..., k]
        f[..., k] = 1 / (1 + ohm * t)
        phi[..., k, k] = 1
        if k:
            phi[..., :k, k] = phi[..., :k, k - 1] * f[..., k - 1, None]
        t = t * f[..., k]
    h = torch.empty_like(g)
    for k in range(rows - 1, -1, -1):
        below = h[..., k + 1] if k < rows - 1 else 0
        h[..., k] = ohms[k] * f[..., k] + f[..., k] ** 2 * below
    s = -g[..., :, None] * phi * (g * h)[..., None, :]
    s = s + s.triu(1).mT
    s.diagonal(dim1=-2, dim2=-1).add_(g)
    return s, g * phi[..., -1] * f[..., -1:]
