"""The merge of two blocks and its adjoint, in torch: the reference for the compiled one.

Two neighbouring blocks merge by the Redheffer star product of their hybrid matrices (Redheffer
1960), which is the Schur complement on the ports they share; recursive merging of this kind solves
boundary value problems in Martinsson (2013). With i the currents and v the voltages at the shared
ports, p the exterior port values and X their couplings to the shared ports,

    i = Y v + X_down^T p_down,    v = X_up^T p_up - Z i,    K = (1 + Y Z)^-1,

    H_up,up     += X_up (K Y) X_up^T
    H_down,down -= X_down (Z K) X_down^T
    H_up,down    = X_up K X_down^T

K exists: for Y and Z positive semidefinite all eigenvalues of Y Z are real and not negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .dissection import Merge


@dataclass
class MergeFactors:
    """Factors of one merge that its adjoint needs."""

    x_up: Tensor  # couplings of the upstream block's exterior ports to the interface
    x_down: Tensor
    ky: Tensor  # K Y, symmetric
    k: Tensor
    zk: Tensor  # Z K, symmetric


def merge(upstream: Tensor, downstream: Tensor, step: Merge) -> tuple[Tensor, MergeFactors]:
    """Merge the hybrid matrices of two blocks into that of their union."""
    x_up = _submatrix(upstream, step.upstream_exterior, step.upstream_interior)
    x_down = _submatrix(downstream, step.downstream_exterior, step.downstream_interior)
    y = _submatrix(downstream, step.downstream_interior, step.downstream_interior)
    z = -_submatrix(upstream, step.upstream_interior, step.upstream_interior)
    eye = torch.eye(y.shape[-1], dtype=upstream.dtype, device=upstream.device)
    k = torch.linalg.inv(eye + y @ z)
    ky, zk = _symmetric(k @ y), _symmetric(z @ k)
    up_up = _submatrix(upstream, step.upstream_exterior, step.upstream_exterior)
    down_down = _submatrix(downstream, step.downstream_exterior, step.downstream_exterior)
    up_up = up_up + _symmetric(x_up @ ky @ x_up.mT)
    down_down = down_down - _symmetric(x_down @ zk @ x_down.mT)
    up_down = x_up @ k @ x_down.mT
    h = torch.cat([torch.cat([up_up, up_down], -1), torch.cat([up_down.mT, down_down], -1)], -2)
    return h, MergeFactors(x_up, x_down, ky, k, zk)


def merge_adjoint(bar: Tensor, factors: MergeFactors, step: Merge) -> tuple[Tensor, Tensor]:
    """Carry dL/dH of a merged block to its upstream and its downstream child.

    A congruence: bar_child = F bar F^T, with F the child's port values as driven by the ports of
    the merged block; at the interface i = K Y X_up^T p_up + K X_down^T p_down and
    v = K^T X_up^T p_up - Z K X_down^T p_down.
    """
    x_up, x_down, k = factors.x_up, factors.x_down, factors.k
    split = x_up.shape[-2]
    i = torch.cat([(x_up @ factors.ky).mT, k @ x_down.mT], -1)
    v = torch.cat([(x_up @ k).mT, -(x_down @ factors.zk).mT], -1)
    eye = torch.eye(bar.shape[-1], dtype=bar.dtype, device=bar.device).expand_as(bar)
    f_up = torch.cat([eye[..., :split, :], i], -2)
    f_down = torch.cat([eye[..., split:, :], v], -2)
    up_order = torch.tensor(step.upstream_exterior + step.upstream_interior).argsort().tolist()
    down_order = (
        torch.tensor(step.downstream_exterior + step.downstream_interior).argsort().tolist()
    )
    bar_up, bar_down = f_up @ bar @ f_up.mT, f_down @ bar @ f_down.mT
    return _submatrix(bar_up, up_order, up_order), _submatrix(bar_down, down_order, down_order)


def _submatrix(h: Tensor, rows: Sequence[int], cols: Sequence[int]) -> Tensor:
    return h[..., list(rows), :][..., list(cols)]


def _symmetric(x: Tensor) -> Tensor:
    return (x + x.mT) / 2
