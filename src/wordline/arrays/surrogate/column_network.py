"""A small network that corrects the ohmic current of a column for the curvature of its devices.

With the array's effective conductance W (exact for ohmic devices), x = V / V_max, and a = W / g the
share of a row's voltage that its device sees, a read takes four products for each column j:

    m1 = x W      m2 = x^2 (W a)      m3 = x^3 (W a^2)
    f3 = x^3 (W q),   q_i = mean over k of (W a^2)_ik / g_on

m3 is the cubic excess current of devices of odd curvature; f3 is the part of it that the drivers
do not deliver; m2 and the current m1 itself say how the potential of the bit line shifts it. They
enter as currents relative to m1. Two more features are known at programming: the conductance of the
column, s, and its place along the word lines, p, from 0 to 1:

    I = V_max m1 (1 + r),   r = c + k . z + sum_h o_h t_h,   t_h = sigmoid(b_h + u_h . z)
    z = (m2/m1, m3/m1, f3/m1, m1/(rows g_on), s, p)
    sigmoid(y) = y / sqrt(1 + y^2), cheaper than a tanh

One set of weights serves all columns of all arrays of a design. Without voltage, m1 and the current
are exactly zero.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .design import ArrayDesign

FEATURES = 6
READ_FEATURES = 4  # the first features, which depend on the voltages
MATRICES = 4  # by which a read multiplies


class ColumnNetwork(NamedTuple):
    """Weights of the network; all float64."""

    u: Float[Tensor, "features hidden"]
    b: Float[Tensor, " hidden"]
    o: Float[Tensor, " hidden"]
    k: Float[Tensor, " features"]
    c: Float[Tensor, ""]

    def to(self, device: torch.device) -> ColumnNetwork:
        """Move the weights to a device."""
        return ColumnNetwork(*(x.to(device) for x in self))


def sigmoid_(y: Tensor) -> Tensor:
    """Compute y / sqrt(1 + y^2) in place; the derivative is (1 - sigmoid^2)^(3/2)."""
    one = torch.ones((), dtype=y.dtype, device=y.device)
    return y.mul_(torch.addcmul(one, y, y).rsqrt_())


class Moments(NamedTuple):
    """Matrices of a read, `(..., rows, cols)`, and constants of each column, `(..., cols)`."""

    w: Tensor
    w2: Tensor
    w3: Tensor
    wq: Tensor
    s: Tensor
    p: Tensor


def compute_moments(g: Tensor, w: Tensor, design: ArrayDesign) -> Moments:
    """Compute moments from conductances g and effective ones W, `(..., rows, cols)`, siemens."""
    rows, cols = design.tile
    # An open device carries nothing, though a neighbour's current may reach its column.
    a = torch.where(g > 0, w / g.where(g > 0, 1), 0).clamp(max=1)
    w2, w3 = w * a, w * a**2
    q = w3.mean(-1, keepdim=True) / design.g_on_siemens
    s = g.sum(-2) / (rows * design.g_on_siemens)
    p = torch.linspace(0, 1, cols, dtype=g.dtype, device=g.device).expand_as(s)
    return Moments(w, w2, w3, w * q, s, p)


class Features(NamedTuple):
    """Features of the columns at a read, `(..., batch, cols)` each: m1, siemens, and four of z."""

    m1: Tensor
    z: tuple[Tensor, Tensor, Tensor, Tensor]
    inverse: Tensor  # 1 / m1


def smallest_m1(design: ArrayDesign) -> float:
    """Return the smallest m1, siemens, to divide by: no division by zero without voltage."""
    return 1e-9 * design.g_on_siemens


def compute_features(x: Tensor, matrices: tuple[Tensor, ...], design: ArrayDesign) -> Features:
    """Compute features for x `(..., batch, rows)`, shares of V_max; `matrices`: w, w2, w3, wq."""
    w, w2, w3, wq = matrices
    square = x * x
    cube = square * x
    m1 = x @ w
    inverse = m1.clamp(min=smallest_m1(design)).reciprocal_()
    z = (square @ w2).mul_(inverse), (cube @ w3).mul_(inverse), (cube @ wq).mul_(inverse)
    return Features(m1, (*z, m1 / (design.tile[0] * design.g_on_siemens)), inverse)


def program_columns(network: ColumnNetwork, g: Tensor, w: Tensor, design: ArrayDesign) -> Tensor:
    """Prepare arrays for reads: `(..., 4 rows + hidden + 1, cols)`.

    The rows are four matrices, the biases of the hidden units, and a skip term: the network's sums
    with the two features that are known at programming already added.
    """
    m = compute_moments(g, w, design)
    static = torch.stack([m.s, m.p], -2)  # (..., 2, cols)
    bias = network.b[:, None] + network.u[READ_FEATURES:].T @ static
    skip = network.c + network.k[READ_FEATURES:] @ static
    return torch.cat([m.w, m.w2, m.w3, m.wq, bias, skip.unsqueeze(-2)], -2)
