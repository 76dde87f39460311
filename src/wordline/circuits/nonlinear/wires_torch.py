"""The wire operator Z in torch, and the array linearised at a point.

With i the device currents, the wires take from each device the voltage

    (Z i)_ab = R_driver sum_k i_ak + R_row sum_k min(b, k) i_ak            along its word line
             + R_sense  sum_k i_kb + R_col sum_k (N-1 - max(a, k)) i_kb    along its bit line

which two cumulative sums along each wire give in O(N M), without dividing by a resistance: any of
them may be zero. A word line whose bit-line nodes are held at 0 is a ladder network, a tridiagonal
system solved from its far end to its driver and back (Thomas algorithm) by factors
t = 1 / (1 + R Y) that lie in (0, 1]; a bit line likewise. All arrays are float64 of shape
`(samples, rows, cols)`.
"""

import torch
from torch import Tensor

from ..wires import Wires


def apply_z(i: Tensor, wires: Wires) -> Tensor:
    """Compute the voltage that the wires take from each device, Z i, for device currents i."""
    onward = i.flip(2).cumsum(2).flip(2)  # in the word-line segment that ends at each cell
    collected = i.cumsum(1)  # in the bit-line segment that starts at each cell
    row, col = wires.row_ohm * onward, wires.col_ohm * collected
    row[:, :, 0] = wires.driver_ohm * onward[:, :, 0]
    col[:, -1, :] = wires.sense_ohm * collected[:, -1, :]
    return col.flip(1).cumsum(1).flip(1) + row.cumsum(2)


def solve_linearised(s: Tensor, e: Tensor, wires: Wires, rtol: float, steps: int) -> Tensor:
    """Solve u = -Z (e + s u): a linear array at rest with a current source beside each device.

    `s`: conductances, siemens, not negative; `e`: ampere; returns device voltages u. With
    row_line(j) and col_line(j) the potentials along the word lines and bit lines when currents j
    enter their nodes and the other lines are held at 0, the bit-line potentials c obey

        c - col_line(s row_line(s c)) = col_line(e - s row_line(e)),

    which is symmetric and positive for the dissipated power: conjugate gradients, with the bit
    lines by themselves as preconditioner. Word lines couple bit lines through devices only, so that
    4 to 7 steps reach rounding for arrays that people build. A sample stops by itself, when the
    power of its error has fallen by `rtol` squared.
    """
    row_ladder = _Ladder(s.permute(2, 0, 1), wires.driver_ohm, wires.row_ohm)
    col_ladder = _Ladder(s.flip(1).permute(1, 0, 2), wires.sense_ohm, wires.col_ohm)

    def row_line(j: Tensor) -> Tensor:
        return row_ladder.substitute(j.permute(2, 0, 1)).permute(1, 2, 0)

    def col_line(j: Tensor) -> Tensor:
        return col_ladder.substitute(j.flip(1).permute(1, 0, 2)).permute(1, 0, 2).flip(1)

    def power(volts: Tensor, amperes: Tensor) -> Tensor:
        return (volts * amperes).sum(2, keepdim=True).sum(1, keepdim=True)

    c = torch.zeros_like(e)
    residual = e - s * row_line(e)  # current that Kirchhoff's law misses at each bit-line node
    z = col_line(residual)
    p, p_residual = z, residual  # p = col_line(p_residual): the bit lines are never inverted
    energy = power(z, residual)
    goal = rtol * rtol * energy
    for _ in range(steps):
        q = p_residual - s * row_line(s * p)
        curvature = power(p, q)
        going = (energy > goal) & (curvature > 0)
        if not going.any():
            break
        alpha = torch.where(going, energy / curvature, 0.0)
        c = c + alpha * p
        residual = residual - alpha * q
        z = col_line(residual)
        new_energy = power(z, residual)
        beta = torch.where(going, new_energy / energy, 0.0)
        energy = torch.where(going, new_energy, energy)
        p, p_residual = z + beta * p, residual + beta * p_residual
    return row_line(s * c - e) - c


class _Ladder:
    """Ladder networks, factored: `(position, samples, ladder)`, position 0 at `end_ohm`."""

    def __init__(self, s: Tensor, end_ohm: float, wire_ohm: float) -> None:
        self.end_ohm, self.wire_ohm = end_ohm, wire_ohm
        nodes = s.contiguous().unbind(0)
        admittance = nodes[-1]  # seen from the end towards this position
        self.t = [admittance] * len(nodes)
        for k in range(len(nodes) - 1, 0, -1):
            self.t[k] = 1 / (1 + wire_ohm * admittance)
            admittance = nodes[k - 1] + self.t[k] * admittance
        self.t[0] = 1 / (1 + end_ohm * admittance)

    def substitute(self, j: Tensor) -> Tensor:
        """Compute the potentials of the nodes when currents j enter them."""
        out = list(j.contiguous().unbind(0))
        for k in range(len(out) - 1, 0, -1):
            out[k - 1] = out[k - 1] + self.t[k] * out[k]
        out[0] = self.end_ohm * (self.t[0] * out[0])
        for k in range(1, len(out)):
            out[k] = self.t[k] * (out[k - 1] + self.wire_ohm * out[k])
        return torch.stack(out)
