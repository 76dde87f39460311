"""Two questions about the wires of an array, answered chain by chain: what do they drop, and what do they respond.

With i the device currents, the wires take from each device the voltage

    (Z i)_ab = R_driver sum_k i_ak + R_row sum_k min(b, k) i_ak        its word line
             + R_sense  sum_k i_kb + R_col sum_k (N-1 - max(a, k)) i_kb  its bit line

which two cumulative sums along each wire give in O(N M), without dividing by a resistance: any of them may be zero.
A word line whose devices' far sides are held at potentials e is a ladder, solved from its far end to its driver and
back by factors t = 1 / (1 + R Y) that lie in (0, 1]; a bit line likewise. Call the solutions P_row e and P_col e.
All arrays are float64 of shape `(samples, rows, cols)`.
"""

import torch
from torch import Tensor

from .wires import Wires


def wire_drops(i: Tensor, wires: Wires) -> Tensor:
    """Voltage that the wires take from each device, Z i, for device currents i."""
    onward = i.flip(2).cumsum(2).flip(2)  # current in the word-line segment that ends at each cell
    collected = i.cumsum(1)  # current in the bit-line segment that starts at each cell
    row = wires.row_ohm * onward
    row[:, :, 0] = wires.driver_ohm * onward[:, :, 0]
    col = wires.col_ohm * collected
    col[:, -1, :] = wires.sense_ohm * collected[:, -1, :]
    return row.cumsum(2) + col.flip(1).cumsum(1).flip(1)


def solve_emf(s: Tensor, emf: Tensor, wires: Wires, rtol: float, steps: int) -> Tensor:
    """Device voltages u of a linear array with a source in series with each device: u + Z (s u) = emf.

    `s`: conductances, siemens, not negative; `emf`: volt. The potentials c of the bit-line nodes obey
    (1 - P_col P_row) c = P_col (1 - P_row) emf, symmetric in the inner product weighted by s: conjugate gradients with
    the bit lines' own ladders as preconditioner, which need 4 to 7 steps for the arrays people build, because the word
    lines can couple bit lines only through devices. Each sample stops by itself, when its error has fallen by `rtol`
    in the norm of dissipated power or after `steps`.
    """
    row_ladder = _Ladder(s.permute(2, 0, 1), wires.driver_ohm, wires.row_ohm)
    col_ladder = _Ladder(s.flip(1).permute(1, 0, 2), wires.sense_ohm, wires.col_ohm)

    def p_row(e: Tensor) -> Tensor:
        return row_ladder(e.permute(2, 0, 1)).permute(1, 2, 0)

    def p_col(e: Tensor) -> Tensor:
        return col_ladder(e.flip(1).permute(1, 0, 2)).permute(1, 0, 2).flip(1)

    def power(a: Tensor, b: Tensor) -> Tensor:
        return (s * a * b).sum(2, keepdim=True).sum(1, keepdim=True)

    c = torch.zeros_like(emf)
    lag = emf - p_row(emf)  # residual, as a voltage: the current short at each node is s lag
    z = p_col(lag)
    p, p_hat = z, lag  # p = P_col p_hat throughout, so P_col is never inverted
    energy = power(lag, z)
    goal = rtol * rtol * energy
    for _ in range(steps):
        q = p_hat - p_row(p)
        curvature = power(p, q)
        going = (energy > goal) & (curvature > 0)
        if not going.any():
            break
        alpha = torch.where(going, energy / curvature, 0.0)
        c = c + alpha * p
        lag = lag - alpha * q
        z = p_col(lag)
        fresh = power(lag, z)
        beta = torch.where(going, fresh / energy, 0.0)
        energy = torch.where(going, fresh, energy)
        p, p_hat = z + beta * p, lag + beta * p_hat
    c = c - emf
    return p_row(c) - c


class _Ladder:
    """Chains laid out position first, `(position, samples, chain)`; position 0 stands at the resistor `end_ohm`."""

    def __init__(self, s: Tensor, end_ohm: float, wire_ohm: float) -> None:
        self.s, self.end_ohm, self.wire_ohm = s.contiguous().unbind(0), end_ohm, wire_ohm
        seen = self.s[-1]  # admittance seen from the end towards this position
        self.t = [seen] * len(self.s)
        for k in range(len(self.s) - 1, 0, -1):
            self.t[k] = 1 / (1 + wire_ohm * seen)
            seen = self.s[k - 1] + self.t[k] * seen
        self.t[0] = 1 / (1 + end_ohm * seen)

    def __call__(self, e: Tensor) -> Tensor:
        """Potentials of the nodes when the far sides of the devices are held at e."""
        out = [s * held for s, held in zip(self.s, e.contiguous().unbind(0), strict=True)]
        for k in range(len(out) - 1, 0, -1):
            out[k - 1] = out[k - 1] + self.t[k] * out[k]
        out[0] = self.end_ohm * (self.t[0] * out[0])
        for k in range(1, len(out)):
            out[k] = self.t[k] * (out[k - 1] + self.wire_ohm * out[k])
        return torch.stack(out)
