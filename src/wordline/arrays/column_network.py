"""What the curvature of the devices adds to a column's current, as a small network of the column's own moments.

With the array's effective conductance W (exact for ohmic devices), x = V / V_max and a = W / g the share of a row's
voltage that its device sees, a read takes four products for each column j,

    m1 = x W      m2 = x^2 (W a)      m3 = x^3 (W a^2)      f3 = x^3 (W q),   q_i = mean over k of (W a^2)_ik / g_on

m3 is the cubic excess that devices of odd curvature carry, f3 what of it their drivers do not deliver, m2 and the
current m1 itself how the potential of the bit line shifts it. They enter as currents relative to m1, beside two numbers
worked out at programming: the conductance of the column, s, and its place along the word lines, p, from 0 to 1:

    I = V_max m1 (1 + r),   r = c + k . z + sum_h o_h t_h,   t_h = sigmoid(b_h + u_h . z)
    z = (m2/m1, m3/m1, f3/m1, m1/(rows g_on), s, p),   sigmoid(y) = y / sqrt(1 + y^2), cheaper than a tanh

One set of weights serves all columns of all arrays of a design. Without voltage, m1 and the current are exactly zero.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .samples import ArrayDesign

FEATURES, READ = 6, 4  # of the features, the first four depend on the voltages
MATRICES = 4  # that a read multiplies by


class ColumnNetwork(NamedTuple):
    """The weights; all float64."""

    u: Float[Tensor, "features hidden"]
    b: Float[Tensor, " hidden"]
    o: Float[Tensor, " hidden"]
    k: Float[Tensor, " features"]
    c: Float[Tensor, ""]

    def to(self, device: torch.device) -> ColumnNetwork:
        """The same elsewhere."""
        return ColumnNetwork(*(x.to(device) for x in self))


def sigmoid_(y: Tensor) -> Tensor:
    """y / sqrt(1 + y^2), in place; the derivative is (1 - sigmoid^2)^(3/2)."""
    return y.mul_(torch.addcmul(torch.ones((), dtype=y.dtype, device=y.device), y, y).rsqrt_())


class Moments(NamedTuple):
    """What a read multiplies by, `(..., rows, cols)` each, and what it knows of each column, `(..., cols)`."""

    w: Tensor
    w2: Tensor
    w3: Tensor
    wq: Tensor
    s: Tensor
    p: Tensor


def moments(g: Tensor, w: Tensor, design: ArrayDesign) -> Moments:
    """From conductances g and effective conductances W, `(..., rows, cols)`, siemens."""
    rows, cols = design.tile
    # An open device carries nothing, though a neighbour's current may reach its column.
    a = torch.where(g > 0, w / g.where(g > 0, 1), 0).clamp(max=1)
    w2, w3 = w * a, w * a**2
    q = w3.mean(-1, keepdim=True) / design.g_on_siemens
    s = g.sum(-2) / (rows * design.g_on_siemens)
    p = torch.linspace(0, 1, cols, dtype=g.dtype, device=g.device).expand_as(s)
    return Moments(w, w2, w3, w * q, s, p)


class Features(NamedTuple):
    """What a read finds of its columns, `(..., batch, cols)` each: m1, siemens, and the four of z that it decides."""

    m1: Tensor
    z: tuple[Tensor, Tensor, Tensor, Tensor]
    relative: Tensor  # 1 / m1


def at_rest(design: ArrayDesign) -> float:
    """The m1, siemens, below which currents count relative to it, so that nothing is divided by zero."""
    return 1e-9 * design.g_on_siemens


def features(x: Tensor, w: Tensor, w2: Tensor, w3: Tensor, wq: Tensor, design: ArrayDesign) -> Features:
    """For x `(..., batch, rows)`, shares of the largest voltage, and four matrices of `Moments`."""
    square = x * x
    cube = square * x
    m1 = x @ w
    relative = m1.clamp(min=at_rest(design)).reciprocal_()
    z = (square @ w2).mul_(relative), (cube @ w3).mul_(relative), (cube @ wq).mul_(relative)
    return Features(m1, (*z, m1 / (design.tile[0] * design.g_on_siemens)), relative)


def program(network: ColumnNetwork, g: Tensor, w: Tensor, design: ArrayDesign) -> Tensor:
    """What a read needs, `(..., 4 rows + hidden + 1, cols)`: four matrices, and each column's share of the sums."""
    m = moments(g, w, design)
    static = torch.stack([m.s, m.p], -2)  # (..., 2, cols)
    hidden = network.b[:, None] + network.u[READ:].T @ static
    skip = network.c + network.k[READ:] @ static
    return torch.cat([m.w, m.w2, m.w3, m.wq, hidden, skip.unsqueeze(-2)], -2)
